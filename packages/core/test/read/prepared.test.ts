import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { manifestAt, prepare, textAt, type Prepared } from "../../src/read/prepared.ts";

const ORIGIN = "https://npm.acme.example";
const preparedOf = (document: object, form: "full" | "abbreviated" = "full"): Prepared => {
  const found = prepare("wire", Buffer.from(JSON.stringify(document)), form);
  return found.kind === "prepared" ? found.prepared : expect.fail(found.kind);
};
const shown = (text: Prepared["sent"], origin = ORIGIN) =>
  JSON.parse(Buffer.from(textAt(text, origin)).toString("utf8")) as Record<string, unknown>;
const at = (version: string, origin = ORIGIN) => `${origin}/wire/-/wire-${version}.tgz`;

describe("an upstream's document", () => {
  const manifest = { name: "wire", version: "1.0.0", readme: "é €", scripts: { install: "x" } };
  const dist = { tarball: "http://up.example/wire.tgz", shasum: "a".repeat(40) };
  const document = {
    name: "wire",
    "dist-tags": { latest: "1.0.0" },
    time: { modified: "2026-01-01T00:00:00.000Z" },
    versions: { "1.0.0": { ...manifest, dist }, "2.0.0": { name: "wire", version: "2.0.0" } },
  };

  test("is shown as it came, with every tarball at the origin", () => {
    const { versions } = document;
    expect(shown(preparedOf(document).sent)).toEqual({
      ...document,
      versions: {
        "1.0.0": { ...manifest, dist: { ...dist, tarball: at("1.0.0") } },
        "2.0.0": { ...versions["2.0.0"], dist: { tarball: at("2.0.0") } },
      },
    });
  });
  test("has an abbreviated form when the upstream sent the full one, and else none of its own", () => {
    expect(shown(preparedOf(document).short ?? expect.fail())).toMatchObject({
      "dist-tags": { latest: "1.0.0" },
      modified: "2026-01-01T00:00:00.000Z",
      versions: { "1.0.0": { name: "wire", version: "1.0.0", hasInstallScript: true, dist: { tarball: at("1.0.0") } } },
    });
    expect(preparedOf(document, "abbreviated").short).toBeUndefined();
  });
  test("shows one manifest without the others", () => {
    const prepared = preparedOf(document);
    expect(manifestAt(prepared, "2.0.0", ORIGIN)).toEqual({
      name: "wire",
      version: "2.0.0",
      dist: { tarball: at("2.0.0") },
    });
    expect(manifestAt(prepared, "3.0.0", ORIGIN)).toBeUndefined();
  });
  test("keeps each version's place and strongest digest at the upstream", () => {
    expect(preparedOf(document).versions).toEqual([
      ["1.0.0", { url: dist.tarball, integrity: `sha1-${Buffer.from(dist.shasum, "hex").toString("base64")}` }],
      ["2.0.0", {}],
    ]);
  });
  test("a version that is no object is left out", () => {
    const odd = preparedOf({ ...document, versions: { "1.0.0": "odd", "2.0.0": { version: "2.0.0" } } });
    expect(Object.keys(shown(odd.sent)["versions"] as object)).toEqual(["2.0.0"]);
  });
});

test("whatever a document holds, and whatever the origin is, the text is JSON of the same values", () => {
  const json = fc.jsonValue({ maxDepth: 2 });
  const manifests = fc.dictionary(fc.string(), fc.dictionary(fc.string(), json), { maxKeys: 4 });
  type Document = { readme: unknown; versions: Record<string, { dist?: unknown }> };
  const withoutDist = ({ readme, versions }: Document) => ({
    readme,
    versions: Object.entries(versions).map(([version, manifest]) => [version, { ...manifest, dist: undefined }]),
  });
  const property = fc.property(manifests, json, fc.webUrl(), (versions, readme, origin) => {
    const document = JSON.parse(JSON.stringify({ name: "wire", readme, versions })) as Document;
    const found = shown(preparedOf(document).sent, origin) as unknown as Document;
    return isDeepStrictEqual(withoutDist(found), withoutDist(document));
  });
  fc.assert(property, { numRuns: 100 });
});
