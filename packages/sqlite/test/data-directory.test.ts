import { chmod, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@codebox/system";
import { fail } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqlite } from "../src/index.ts";
import { temporary } from "./temporary.ts";

let parent: string;
let directory: string;
let umask: number;
const warnings: string[] = [];
beforeEach(async () => {
  warnings.length = 0;
  parent = await temporary();
  directory = join(parent, "data");
  umask = process.umask(0);
});
afterEach(async () => {
  process.umask(umask);
  await rm(parent, { recursive: true });
});

const open = () =>
  openSqlite({ directory, clock: systemClock, onFailure: fail, onWarning: (warning) => warnings.push(warning) });
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
/** The mode of everything in the data directory, by its name. */
async function modes(): Promise<Record<string, string>> {
  const names = (await readdir(directory, { recursive: true })).toSorted();
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name.replace(/^blobs\/.+/, "blobs/*"), await modeOf(join(directory, name))]),
    ),
  );
}
const PRIVATE = {
  blobs: "700",
  "blobs/*": "600",
  "codebox.db": "600",
  "codebox.db-wal": "600",
  "search.db": "600",
  "search.db-wal": "600",
  "events.jsonl": "600",
  upstream: "700",
};

describe("the data directory", () => {
  test.each([
    ["nothing", 0o000],
    ["reading by others", 0o022],
    ["everything of the owner", 0o777],
  ])("is private when the umask takes away %s", async (_, mask) => {
    process.umask(mask);
    const backend = await open();
    await backend.store.put("large", Buffer.alloc(300_000));
    process.umask(0);
    expect({ directory: await modeOf(directory), ...(await modes()) }).toEqual({ directory: "700", ...PRIVATE });
    expect(warnings).toEqual([]);
    await backend.close();
  });
  test("that existed before keeps its own mode, with a warning that says how to close it; its files become private", async () => {
    await mkdir(directory);
    await chmod(directory, 0o755);
    const first = await open();
    await first.store.put("large", Buffer.alloc(300_000));
    await first.close();
    for (const name of await readdir(directory, { recursive: true })) await chmod(join(directory, name), 0o755);
    const second = await open();
    expect({ directory: await modeOf(directory), ...(await modes()) }).toEqual({ directory: "755", ...PRIVATE });
    expect(warnings[0]).toContain(`chmod 700 ${directory}`);
    await second.close();
  });
  test("that is a file is refused with what to do", async () => {
    directory = join(parent, "data", "codebox.db");
    const backend = await openSqlite({ directory: join(parent, "data"), clock: systemClock, onFailure: fail });
    await backend.close();
    await expect(open()).rejects.toThrow("is not a directory; choose another with --data");
  });
});
