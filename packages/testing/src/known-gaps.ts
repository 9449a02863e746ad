import { test } from "vitest";

/** Rules that an emulator breaks and the real service keeps: the rule's name → why. */
export type KnownGaps = Readonly<Record<string, string>>;

/** A test of a rule, or a skip that prints the reason in its name. */
export function testOrGap(gaps: KnownGaps, name: string, check: () => Promise<void>): void {
  const reason = gaps[name];
  if (reason === undefined) test(name, check);
  else test.skip(`${name} (known gap: ${reason})`, check);
}
