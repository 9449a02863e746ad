import fc from "fast-check";
import semver from "semver";
import { expect, test } from "vitest";
import { apply, own, stateOf, type Packument } from "../../src/index.ts";
import { NAME, changes } from "./arbitraries.ts";

test("no tag with the rule forward moves back, except by an undo; none with releases is set to a prerelease", () => {
  fc.assert(
    fc.property(changes, (sequence) => {
      let packument: Packument | undefined;
      for (const change of sequence) {
        const result = apply(packument, change);
        if (result.kind !== "applied") continue;
        const rules = stateOf(packument).rules ?? [];
        const has = (tag: string, field: "forward" | "releases") =>
          rules.some((rule) => rule[field] && ["*", tag].concat(tag.startsWith("ne") ? "ne*" : []).includes(rule.tags));
        const before = packument?.["dist-tags"] ?? {};
        for (const [tag, version] of Object.entries(result.packument["dist-tags"])) {
          const was = own(before, tag);
          if (was === version) continue;
          if (has(tag, "releases")) expect(semver.prerelease(version), `${NAME} ${tag}`).toBeNull();
          if (has(tag, "forward") && was !== undefined && change.type !== "tags.undo")
            expect(semver.gt(version, was), `${change.type} of ${tag}`).toBe(true);
        }
        packument = result.packument;
      }
    }),
    { numRuns: 300 },
  );
});
