import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answered, historyOf, publish, putTag, type LoggedEvent } from "../support/load.ts";
import { scratch, startRegistry } from "../support/registry.ts";

const TAGS = 100;
const VERSIONS = 20;

test.each([1, 2, 3, 4, 5])(
  "100 parallel tag PUTs and 20 parallel publishes: all answered are present, each once, in order without gaps (run %i)",
  async () => {
    await using dir = await scratch();
    const registry = await startRegistry(join(dir.path, "data"));
    await publish(registry, "wire", "1.0.0");

    const work = [
      ...Array.from({ length: TAGS }, (_, index) => putTag(registry, "wire", `tag-${index}`, "1.0.0")),
      ...Array.from({ length: VERSIONS }, (_, index) => publish(registry, "wire", `2.0.${index}`)),
    ];
    const answers = await Promise.all(work);

    expect(answers.filter((answer) => !answered(answer))).toEqual([]);
    const packument = (await (await registry.fetch("/wire")).json()) as {
      "dist-tags": Record<string, string>;
      versions: Record<string, unknown>;
    };
    for (let index = 0; index < TAGS; index++) expect(packument["dist-tags"][`tag-${index}`]).toBe("1.0.0");
    expect(Object.keys(packument.versions)).toHaveLength(VERSIONS + 1);
    for (let index = 0; index < VERSIONS; index++)
      expect((await registry.fetch(`/wire/-/wire-2.0.${index}.tgz`)).status).toBe(200);

    const history = await historyOf(registry, "wire");
    const changes = 1 + TAGS + VERSIONS;
    expect(new Set(history.map(({ id }) => id)).size).toBe(changes);
    await registry.stop();

    const lines = (await readFile(join(registry.data, "events.jsonl"), "utf8")).trim().split("\n");
    const events = lines.map((line) => JSON.parse(line) as LoggedEvent);
    expect(events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: changes }, (_, index) => index + 1));
    expect(new Set(events.map(({ id }) => id)).size).toBe(changes);
    expect(new Set(events.flatMap(({ data }) => data.tag ?? [])).size).toBe(TAGS);
  },
);
