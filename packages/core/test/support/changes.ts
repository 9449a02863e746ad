import { apply, type Change, type Packument } from "../../src/index.ts";

export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}

/** The packument after each change that was applied. All are frozen: an `apply` that altered its input would throw. */
export function history(sequence: readonly Change[], start?: Packument): Packument[] {
  const documents: Packument[] = [];
  let packument = start;
  for (const next of sequence) {
    const result = apply(packument && deepFreeze(packument), deepFreeze(next));
    if (result.kind === "applied") documents.push((packument = result.packument));
  }
  return documents;
}
