import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { isRecord } from "@codebox/core";
import * as z from "zod";
import { UsageError } from "./errors.ts";

/** A place in a listing: the page, by the cursor that fetches it, and the last key in it that is done. */
export type Position = { readonly cursor?: string; readonly key: string };

/** Numbers that a command adds up; they outlive an interruption. */
export type Totals = Readonly<Record<string, number>>;

/** How far a walk over the bucket has come. */
export type Progress = { readonly position?: Position | undefined; readonly totals: Totals };

/**
 * Where a walking command remembers how far it is, so that it continues there after Ctrl-C, a crash or a lost connection.
 *
 * Error semantics: `load` throws `UsageError` when what it finds is of another run; whatever the file system says surfaces.
 */
export type Checkpoint = {
  load(): Promise<Progress | undefined>;
  save(progress: Progress): Promise<void>;
  /** The walk came to its end. */
  clear(): Promise<void>;
};

/** What a run is about: the same run continues, another must not. */
export type Run = {
  readonly command: string;
  readonly bucket: string;
  readonly arguments: Readonly<Record<string, string | boolean>>;
};

const Stored = z.strictObject({
  schema: z.literal(1),
  command: z.string(),
  bucket: z.string(),
  arguments: z.record(z.string(), z.union([z.string(), z.boolean()])),
  position: z
    .strictObject({ cursor: z.string().optional(), key: z.string() })
    .transform(({ cursor, key }): Position => (cursor === undefined ? { key } : { cursor, key }))
    .optional(),
  totals: z.record(z.string(), z.number()),
});

/**
 * A checkpoint in a file, replaced as a whole at every save.
 *
 * @example const checkpoint = fileCheckpoint(".codebox-domain-acme.json", { command: "domain", bucket: "acme", arguments: { url } });
 */
export function fileCheckpoint(path: string, run: Run, { restart }: { readonly restart: boolean }): Checkpoint {
  return {
    async load() {
      if (restart) await rm(path, { force: true });
      const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
      if (text === undefined) return undefined;
      const stored = parse(text);
      if (!stored)
        throw new UsageError(
          `${path} is no checkpoint of this command; name another file with --state, or start again with --restart`,
        );
      const { command, bucket, arguments: args, position, totals } = stored;
      if (!isSame({ command, bucket, arguments: args }, run))
        throw new UsageError(
          `${path} was left by "${described(stored)}", which was not finished; this is "${described(run)}". ` +
            "Finish that one first, name another file with --state, or start again with --restart",
        );
      return { ...(position === undefined ? {} : { position }), totals };
    },
    async save({ position, totals }) {
      const stored = { schema: 1, ...run, ...(position === undefined ? {} : { position }), totals };
      await writeFile(`${path}.new`, `${JSON.stringify(stored)}\n`);
      await rename(`${path}.new`, path);
    },
    clear: () => rm(path, { force: true }),
  };
}

/** For a run that changes nothing, and is soon repeated for good. */
export const noCheckpoint: Checkpoint = {
  load: async () => undefined,
  save: async () => {},
  clear: async () => {},
};

function parse(text: string): z.infer<typeof Stored> | undefined {
  try {
    return Stored.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isSame(a: Run, b: Run): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([x], [y]) => (x < y ? -1 : 1))) : inner,
  );
}

function described({ command, bucket, arguments: args }: Run): string {
  const flags = Object.entries(args).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : value === false ? [] : [`--${name} ${value}`],
  );
  return ["codebox", command, `--bucket ${bucket}`, ...flags].join(" ");
}
