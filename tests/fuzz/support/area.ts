import fc from "fast-check";

/** Runs a piece of the registry's own work. The long run measures in it how long the event loop is blocked. */
export type Watch = <T>(work: () => Promise<T>) => Promise<T>;

/** One subject of fuzzing: inputs from a generator, and what must hold for each of them. */
export type Area = {
  readonly name: string;
  /** What must hold, for the reader of a report. */
  readonly rule: string;
  /** Cases of the short run: about three seconds of one core. */
  readonly runs: number;
  readonly input: fc.Arbitrary<unknown>;
  /** Throws where the rule is broken. Every case starts from nothing, so that a smaller counterexample means the same. */
  check(input: unknown, watch: Watch): Promise<void>;
};

/** Types an area by its input. @example defineArea({ name: "paths", rule: "…", runs: 300, input: path, check: async (input, watch) => { … } }) */
export function defineArea<Input>(
  area: Omit<Area, "input" | "check"> & {
    readonly input: fc.Arbitrary<Input>;
    readonly check: (input: Input, watch: Watch) => Promise<void>;
  },
): Area {
  return { ...area, check: (input, watch) => area.check(input as Input, watch) };
}

/** Which cases of an area: `path` begins at one counterexample, as fast-check prints it. */
export type Run = { readonly seed: number; readonly path?: string | undefined; readonly runs: number };

/** Runs an area. @throws Error with the smallest counterexample found, and the command that runs it again. */
export async function runArea(area: Area, { seed, path, runs }: Run, watch: Watch = (work) => work()): Promise<void> {
  const start = path === undefined ? {} : { path };
  const property = fc.asyncProperty(area.input, (input) => area.check(input, watch));
  const details = await fc.check(property, { seed, numRuns: runs, ...start });
  if (!details.failed) return;
  const again = `FUZZ_SEED=${details.seed} FUZZ_PATH=${details.counterexamplePath} npm run fuzz -- --area ${area.name}`;
  const input = fc
    .stringify(details.counterexample?.[0])
    .replaceAll(/(\d+,)\1{10,}/g, "$1 … ,")
    .slice(0, 2_000);
  const { errorInstance: cause } = details;
  const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  throw new Error(`${area.name}: ${reason}\n\ninput: ${input}\n\nrun it again: ${again}`, { cause });
}

/** A seed that nobody chose. */
export const newSeed = (): number => Math.floor(Math.random() * 0x7fff_ffff);
