import assert from "node:assert/strict";
import { at, expectStatus } from "../answer.ts";
import { check, type Check } from "../check.ts";

export const nameChecks: readonly Check[] = [
  check("NAM-1", "every spelling of a scoped name reaches the same package", async (registry) => {
    const name = await registry.package("spelling", "1.0.0");
    for (const slash of ["/", "%2f", "%2F"]) {
      const spelled = name.replace("/", slash);
      assert.equal(at(expectStatus(await registry.get(`/${spelled}`), 200).json, "name"), name);
      const tags = expectStatus(await registry.get(`/-/package/${spelled}/dist-tags`), 200);
      assert.deepEqual(tags.json, { latest: "1.0.0" });
    }
  }),
];
