import { CHECKS, createRegistry, runCheck, type Registry, type Target } from "@codebox/testing/conformance";
import { test } from "vitest";

/** Every check of PROTOCOL.md as a test of its own. `target` is called once, by the first check. */
export function conformanceTests(target: () => Target): void {
  let registry: Registry | undefined;
  for (const check of CHECKS)
    test(`${check.ids.join(" ")}: ${check.title}`, async ({ skip }) => {
      registry ??= createRegistry(target());
      const { outcome, reason } = await runCheck(check, registry);
      if (outcome === "skipped") skip(reason);
      if (outcome === "failed") throw new Error(`seed ${registry.seed}: ${reason}`);
    });
}
