import { createStoredSearchIndex, indexKey } from "@codebox/core";
import { systemClock } from "@codebox/system";
import { createMemoryBackend, manualClock } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { bucketSearch, rebuildSearch, remoteSearch } from "../src/commands/search.ts";
import { createOutput } from "../src/output.ts";

const sink = () => {
  const lines: string[] = [];
  return { lines, isTTY: false, write: (text: string) => lines.push(text) };
};
const portsOf = (stdout: ReturnType<typeof sink>, signal = new AbortController().signal) => ({
  output: createOutput({ stdout, stderr: sink() }, {}),
  clock: systemClock,
  signal,
});
const document = (name: string) =>
  Buffer.from(
    JSON.stringify({
      name,
      "dist-tags": { latest: "1.0.0" },
      versions: { "1.0.0": { name, version: "1.0.0", dist: { tarball: "x" } } },
    }),
  );

describe("codebox search rebuild", () => {
  test("builds the index of a bucket, leaves damaged documents out, and fails for them", async () => {
    const { store, close } = createMemoryBackend({ clock: systemClock });
    for (const name of ["wire", "@acme/cable"]) await store.put(indexKey(name), document(name));
    await store.put(indexKey("odd"), Buffer.from("{ damaged"));
    const stdout = sink();
    expect(await rebuildSearch({ rebuild: bucketSearch(store), ...portsOf(stdout) })).toBe(1);
    expect(stdout.lines.join("")).toContain("odd/index.json is damaged");
    expect(stdout.lines.at(-1)).toBe('{"summary":true,"packages":3,"damaged":1}\n');
    const index = createStoredSearchIndex({ store, clock: systemClock });
    expect((await index.list()).map(({ name }) => name)).toEqual(["@acme/cable", "wire"]);
    await close();
  });
  test("leaves the index as it was when it is interrupted", async () => {
    const { store, close } = createMemoryBackend({ clock: systemClock });
    await store.put(indexKey("wire"), document("wire"));
    const stopped = AbortSignal.abort();
    await expect(rebuildSearch({ rebuild: bucketSearch(store), ...portsOf(sink(), stopped) })).rejects.toThrow(
      "interrupted",
    );
    expect(await createStoredSearchIndex({ store, clock: systemClock }).isComplete()).toBe(false);
    await close();
  });
  test("asks a running registry to build its index, until it is done", async () => {
    const clock = manualClock();
    const asked: string[] = [];
    const answers = [
      { running: true, packages: 0, complete: true },
      { running: true, packages: 20, complete: true },
      { running: false, packages: 40, complete: true },
    ];
    const rebuild = remoteSearch(async (method) => {
      asked.push(method);
      return answers[asked.length - 1];
    });
    const running = rebuildSearch({ rebuild, ...portsOf(sink()), clock: { sleep: async (ms) => clock.advance(ms) } });
    expect(await running).toBe(0);
    expect(asked).toEqual(["POST", "GET", "GET"]);
  });
  test("fails when the registry could not build it", async () => {
    const rebuild = remoteSearch(async () => ({ running: false, packages: 0, complete: false }));
    await expect(rebuildSearch({ rebuild, ...portsOf(sink()) })).rejects.toThrow("log");
  });
});
