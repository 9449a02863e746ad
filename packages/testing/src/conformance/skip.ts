/** A check that this registry has nothing for. Its message is the reason that is printed. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

export function skip(reason: string): never {
  throw new Skipped(reason);
}
