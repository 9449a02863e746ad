import { describe, expect, test } from "vitest";
import { SUMMARY_MAX, summaryOf, type Packument } from "../../src/index.ts";

const packumentOf = (manifest: object, more: object = {}): Packument =>
  ({
    name: "wire",
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { name: "wire", version: "1.0.0", dist: {}, ...manifest } },
    ...more,
  }) as unknown as Packument;

describe("a summary", () => {
  test("is cut, whatever a manifest has", () => {
    const long = "x".repeat(100_000);
    const manifest = {
      description: long,
      license: long,
      homepage: `https://wire.example/${long}`,
      keywords: Array.from({ length: 1_000 }, () => long),
    };
    const users = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`user-${at}`, true]));
    const summary = summaryOf(packumentOf(manifest, { users }));
    expect(summary?.description).toHaveLength(SUMMARY_MAX.text);
    expect(summary?.license).toHaveLength(SUMMARY_MAX.text);
    expect(summary?.links).toEqual({});
    expect(summary?.keywords).toHaveLength(SUMMARY_MAX.keywords);
    expect(summary?.keywords[0]).toHaveLength(SUMMARY_MAX.keyword);
    expect(summary?.stars).toHaveLength(SUMMARY_MAX.stars);
  });
  test("has nothing that is malformed", () => {
    const summary = summaryOf(
      packumentOf({ description: 7, license: {}, keywords: [1, "copper", null], homepage: "javascript:x" }),
    );
    expect(summary).toMatchObject({
      keywords: ["copper"],
      links: {},
      publisher: "unknown",
      maintainers: [],
      stars: [],
    });
    expect(summary).not.toHaveProperty("description");
  });
  test("is absent for a package without a version under latest", () => {
    expect(summaryOf(packumentOf({}, { "dist-tags": { next: "1.0.0" } }))).toBeUndefined();
    expect(summaryOf(packumentOf({}, { versions: {} }))).toBeUndefined();
  });
});
