import { commaList } from "@codebox/core";
import * as z from "zod";

/** Any text but the empty one. */
export const text = z.string().min(1, "must not be empty");
/** Digits only: `Number` takes the empty string for 0, and "0x1" for 1. */
export const count = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  const within = (value: number) => value >= least && value <= most;
  return z
    .string()
    .regex(/^\d{1,10}$/, error)
    .transform(Number)
    .refine(within, error);
};

/** Host names or addresses, with commas between. */
export const Hosts = commaList(
  z.string().regex(/^[A-Za-z0-9._:[\]-]+$/, "must be host names, such as registry.internal"),
);

/** How a setting is given on the command line, besides its variable. */
type Flag = {
  /** `--port <n>` takes a value, `--private` stands for true, `--no-upstream` for false. Absent: the setting has a variable only. */
  readonly flag?: string;
  readonly help: string;
  /** What holds when the setting is absent, where that is not a fixed value. */
  readonly otherwise?: string;
};
export const flags = z.registry<Flag>();
