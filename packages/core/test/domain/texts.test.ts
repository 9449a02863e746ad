import { describe, expect, test } from "vitest";
import { publishOf, tagPut } from "@codebox/testing";
import {
  abbreviatedText,
  abbreviatedView,
  apply,
  fullText,
  fullView,
  parsePackument,
  serializePackument,
  type Packument,
} from "../../src/index.ts";

const ORIGIN = "https://npm.acme.example";
const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Manifests as they come: without a digest, without a dist, with other characters, and with fields that codebox does not know. */
function large(count: number): Packument {
  const kinds = [
    { dist: { integrity: "sha512-x", tarball: "https://old.example/x.tgz", shasum: "a" } },
    { dist: {} },
    {},
    {
      description: 'Grüße, 世界 "quoted" \u2028',
      dist: { tarball: "x" },
      _npmUser: { name: "alice" },
      other: [1, null],
    },
  ];
  const versions = Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const version = `1.${index}.0`;
      return [version, { name: "wire", version, dependencies: { other: "^1.0.0" }, ...kinds[index % kinds.length] }];
    }),
  );
  const document = {
    name: "wire",
    "dist-tags": { latest: "1.0.0" },
    versions,
    time: { modified: "2026-01-01T00:00:00.000Z" },
  };
  return parsePackument("wire", Buffer.from(JSON.stringify(document)));
}

function applied(before: Packument, change: Parameters<typeof apply>[1]): Packument {
  const result = apply(before, change);
  if (result.kind !== "applied") throw new Error(JSON.stringify(result));
  return result.packument;
}

describe.each([3, 99, 100, 250])("with %i versions", (count) => {
  const start = large(count);
  const moved = applied(start, tagPut("wire", "next", "1.1.0"));
  const published = applied(moved, publishOf("wire", "2.0.0"));

  test.each([start, moved, published])(
    "the stored bytes hold the whole document, before and after changes",
    (document) => {
      expect(jsonOf(serializePackument(document))).toEqual(plain(document));
    },
  );

  test.each([start, moved, published])("the texts of the views are the views, for every origin", (document) => {
    for (const origin of [ORIGIN, 'http://[::1]:4870/a"b']) {
      expect(jsonOf(fullText(document, '"etag"', origin))).toEqual(plain(fullView(document, '"etag"', origin)));
      expect(jsonOf(abbreviatedText(document, origin))).toEqual(plain(abbreviatedView(document, origin)));
    }
  });
});
