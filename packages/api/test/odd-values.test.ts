import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";
import { publisherOf, type Fields } from "./publisher.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const { put, differing, full, abbreviated } = publisherOf(() => registry);

/** An object that cannot become text: the message that names it must not fail. */
const noText = { toString: 1, valueOf: 1 };
describe("a field that is no text is refused by name, whatever it is", () => {
  const odd = (manifest: Fields, wrong: Fields = {}) =>
    put(publishBody("wire", "1.0.0", { tarball: makeTarball({ name: "wire", version: "1.0.0", manifest }), ...wrong }));
  test.each<[string, () => Response | Promise<Response>]>([
    ["the name in the tarball", () => odd({ name: noText })],
    ["the version in the tarball", () => odd({ version: noText })],
    ["the length of the attachment", () => odd({}, { attachment: { length: noText } })],
  ])("%s", async (_, send) => {
    const response = await send();
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toContain('{"toString":1');
  });
  test("a script of the tarball that is no text runs nowhere, and is left out", async () => {
    expect((await odd({ scripts: { preinstall: 1, test: "true" } })).status).toBe(201);
    expect(await full()).toMatchObject({ scripts: { test: "true" } });
    expect(await full()).not.toHaveProperty("scripts.preinstall");
    expect(await abbreviated()).not.toHaveProperty("hasInstallScript");
  });
  test("a command's path has no drive: npm takes a colon for a slash", async () => {
    expect((await odd({ bin: { tool: "..:..:evil" } })).status).toBe(400);
    expect((await odd({ bin: { tool: "C:\\cli.js" } })).status).toBe(201);
    expect(await full()).toMatchObject({ bin: { tool: "C/cli.js" } });
  });
  test("a command of the tarball that is no path is left out", async () => {
    expect((await odd({ bin: [noText, "cli.js"] })).status).toBe(201);
    expect(await full()).toMatchObject({ bin: { "cli.js": "cli.js" } });
  });
});

describe("a package.json of too many values, or nested too deep, is refused before it is copied", () => {
  const many = { exports: Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [index, ""])) };
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  test.each<[string, () => Response | Promise<Response>]>([
    ["in the document", () => differing(many, {})],
    ["in the tarball", () => differing({}, many)],
    [
      "nested, in the tarball",
      () => {
        const files = { "package.json": `{"name":"wire","version":"1.0.0","peerDependenciesMeta":${deep}}` };
        return put(publishBody("wire", "1.0.0", { tarball: makeTarball({ name: "wire", version: "1.0.0", files }) }));
      },
    ],
  ])("%s", async (_, send) => {
    expect(await errorOf(await send())).toContain("a package.json has at most 20000 values");
  });
});

test("control characters are left out of keys too", async () => {
  const odd = { contributors: { "\u001b[2Ja": "b" }, "x\u009by": 1 };
  expect((await differing(odd, {})).status).toBe(201);
  expect(await full()).toMatchObject({ contributors: { "[2Ja": "b" }, xy: 1 });
});
