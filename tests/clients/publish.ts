import { expect, test } from "vitest";
import { can, PLAIN, SCOPED, type Subject } from "./subject.ts";

/** Tests of what becomes of a publish. */
export function publishTests(it: Subject, args: (tag?: string) => readonly string[]): void {
  const { words } = it;

  test("publish puts a version under its tag, and leaves latest alone", async () => {
    expect((await it.at.packument(SCOPED))["dist-tags"]).toEqual({ latest: "1.0.0", next: "1.1.0" });
  });

  test("publish of a version that exists is refused", async () => {
    const before = await it.at.packument(SCOPED);
    const again = await it.prepare(await it.source(SCOPED, "1.0.0", { description: "another one" }));
    const result = await again.run(args());
    expect(result.code, result.all).not.toBe(0);
    expect(await it.at.packument(SCOPED)).toEqual(before);
  });

  test("the readme and the files of directories.bin are published", async () => {
    const files = { "README.md": "# rich", "commands/rich.js": "#!/usr/bin/env node\n" };
    const manifest = { name: "@acme/rich", version: "1.0.0", license: "MIT", directories: { bin: "commands" } };
    await it.succeed(await it.prepare(await it.at.project(manifest, { files })), args());
    expect(await it.at.packument("@acme/rich")).toMatchObject({
      readme: "# rich",
      versions: { "1.0.0": { bin: { "rich.js": "commands/rich.js" } } },
    });
  });

  if (can(words.bundled))
    test("bundled dependencies are published", async () => {
      const files = { [`node_modules/${PLAIN}/package.json`]: JSON.stringify({ name: PLAIN, version: "1.0.0" }) };
      const dependencies = { [PLAIN]: "1.0.0" };
      const manifest = { name: "bundle", version: "1.0.0", license: "MIT", dependencies, bundledDependencies: [PLAIN] };
      await it.succeed(await it.prepare(await it.at.project(manifest, { files })), args());
      expect((await it.at.packument("bundle")).versions["1.0.0"]).toMatchObject({ bundleDependencies: [PLAIN] });
    });

  test("a version with build metadata is published without it", async () => {
    await it.succeed(await it.prepare(await it.source("built", "1.0.0+build.7")), args());
    expect(Object.keys((await it.at.packument("built")).versions)).toEqual(["1.0.0"]);
  });

  if (can(words.oddVersion))
    test("a version with leading zeros is published under the cleaned one", async () => {
      await it.succeed(await it.prepare(await it.source("odd", "2024.01.05")), args());
      expect(Object.keys((await it.at.packument("odd")).versions)).toEqual(["2024.1.5"]);
    });

  if (can(words.retry))
    test("a publish whose answer is lost, and which the client repeats, succeeds", async () => {
      const project = await it.prepare(await it.source("repeated", "1.0.0"));
      it.at.recorder.take();
      it.at.recorder.loseNextPut();
      await it.succeed(project, args());
      const puts = it.at.recorder.take().filter(({ method }) => method === "PUT");
      expect(puts.map(({ status }) => status)).toEqual([0, 201]);
    });
}
