import { expect, test } from "vitest";
import { publish } from "../support/load.ts";
import { can, PLAIN, SCOPED, type Subject } from "./subject.ts";

/** Tests of an install: what the client asks for, and what it gets. */
export function installTests(it: Subject): void {
  const { words } = it;

  test("install fetches a scoped and an unscoped package, and writes the lock file", async () => {
    const { project } = await it.installed();
    expect(await project.read(`node_modules/${PLAIN}/package.json`)).toContain("1.0.0");
    expect(await project.read(`node_modules/${SCOPED}/package.json`)).toContain("1.0.0");
    expect(await project.read(words.lockFile)).toContain(SCOPED);
  });

  test("install takes other packages from the upstream, also when their tarballs are said to be elsewhere", async () => {
    const { project } = await it.installed();
    expect(await project.read("node_modules/left/package.json")).toContain("1.0.0");
    expect(await project.read("node_modules/@other/left/package.json")).toContain("1.0.0");
  });

  test("a scoped package is asked for with an encoded slash", async () => {
    const { exchanges } = await it.installed();
    const asked = exchanges.filter(({ path }) => /^\/@acme%2fwire$/i.test(path));
    expect(asked.map(({ status }) => status)).toContain(200);
  });

  test(`the ${words.form} packument is asked for, and answered`, async () => {
    const { exchanges } = await it.installed();
    // Not one of ours: it may have a copy of it since the publish. npm 10 and 11 ask for both forms.
    const answers = exchanges.filter(({ path, status }) => path === "/left" && status === 200);
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.some(({ type }) => type.includes("install-v1"))).toBe(words.form === "abbreviated");
  });

  test("an install from the lock file gets what it lists", async () => {
    const { project } = await it.installed();
    const before = await project.read(words.lockFile);
    await project.remove("node_modules");
    await it.succeed(project, words.frozen);
    expect(await project.read(`node_modules/${SCOPED}/package.json`)).toContain("1.0.0");
    expect(await project.read(words.lockFile)).toBe(before);
  });

  const refresh = can(words.refresh);
  if (refresh)
    test("a packument that did not change is answered with 304", async () => {
      const { project } = await it.installed();
      const again = await it.at.project(JSON.parse(await project.read("package.json")) as Record<string, unknown>);
      it.at.recorder.take();
      await it.succeed(again, refresh);
      const asked = it.at.recorder.take().filter(({ headers }) => headers["if-none-match"] !== undefined);
      expect(asked.map(({ status }) => status)).toContain(304);
      expect(await again.read(`node_modules/${PLAIN}/package.json`)).toContain("1.0.0");
    });

  if (can(words.shrinkwrap)) shrinkwrapTest(it);
}

function shrinkwrapTest(it: Subject): void {
  test("the shrinkwrap of a dependency decides what is below it", async () => {
    for (const version of ["1.0.0", "1.0.1"]) await publish(it.at.registry, "deep", version);
    const manifest = { name: "shrunk", version: "1.0.0", license: "MIT", dependencies: { deep: "^1.0.0" } };
    const shrinkwrap = {
      ...manifest,
      lockfileVersion: 2,
      requires: true,
      packages: { "": manifest, "node_modules/deep": { version: "1.0.0" } },
      dependencies: { deep: { version: "1.0.0" } },
    };
    const shrunk = await it.at.project(manifest, { files: { "npm-shrinkwrap.json": JSON.stringify(shrinkwrap) } });
    await it.succeed(shrunk, can(it.words.publish)?.() ?? []);
    const app = await it.at.project({
      name: "app",
      version: "2.0.0",
      private: true,
      dependencies: { shrunk: "1.0.0" },
    });
    await it.succeed(app, it.words.install);
    const places = ["node_modules/shrunk/node_modules/deep", "node_modules/deep"];
    const found = await Promise.any(places.map((place) => app.read(`${place}/package.json`)));
    expect(JSON.parse(found)).toMatchObject({ version: "1.0.0" });
  });
}
