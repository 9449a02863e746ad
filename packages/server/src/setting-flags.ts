import * as z from "zod";

/** How a setting is given on the command line, besides its variable. */
type Flag = {
  /** `--port <n>` takes a value, `--private` stands for true, `--no-upstream` for false. Absent: the setting has a variable only. */
  readonly flag?: string;
  readonly help: string;
  /** What holds when the setting is absent, where that is not a fixed value. */
  readonly otherwise?: string;
};
/** The flag and the help of each setting. */
export const flags = z.registry<Flag>();
