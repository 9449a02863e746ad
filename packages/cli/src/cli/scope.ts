import type { Clock, Ids } from "@codebox/core";
import type { Env } from "../connect.ts";
import type { ExitCode } from "../errors.ts";
import type { Output, Sinks } from "../output.ts";

/** What a command is run in. Only main.ts takes it from the process. */
export type Surroundings = {
  readonly env: Env;
  readonly cwd: string;
  readonly execPath: string;
  readonly platform: NodeJS.Platform;
  readonly sinks: Sinks;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Asks the person at the terminal for a text that is not shown; in a pipe, reads a line. */
  readonly ask: (prompt: string) => Promise<string>;
  /** Aborts when the user presses Ctrl-C. */
  readonly signal: AbortSignal;
};
export type Scope = Surroundings & { readonly output: Output };
export type Finish = (run: Promise<ExitCode>) => Promise<void>;
