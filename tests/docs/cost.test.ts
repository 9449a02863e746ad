import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { costOf, costTables, Inputs, operations } from "../../scripts/cost-model.ts";

const docs = path.resolve(import.meta.dirname, "../../docs");
const inputs = Inputs.parse(JSON.parse(readFileSync(path.join(docs, "cost.inputs.json"), "utf8")));
const of = (name: string, changed: Partial<Inputs["measures"]> = {}) => {
  const found = operations({ ...inputs, measures: { ...inputs.measures, ...changed } }).find(
    (one) => one.name === name,
  );
  if (!found) throw new Error(`no operation ${name}`);
  return found.ours;
};
/** Without what the formatter does to a table. */
const cells = (text: string) => text.replaceAll(/[ -]+/g, " ").trim();

test("docs/cost.md is what its inputs give; if not, `npm run cost`", () => {
  const text = readFileSync(path.join(docs, "cost.md"), "utf8");
  const [, tables] = /<!-- cost:start -->([\s\S]*?)<!-- cost:end -->/.exec(text) ?? [];
  expect(cells(tables ?? "")).toBe(cells(costTables(inputs)));
});

test("a tag change alone costs one conditional write; ten in a batch share it", () => {
  expect(of("tag change", { changesPerBatch: 1 })).toMatchObject({
    httpApi: 2,
    invocations: 3,
    s3Writes: 1,
    sns: 1,
    sqs: 3,
  });
  const batched = of("tag change", { changesPerBatch: 10 });
  expect(batched.s3Writes).toBeCloseTo(0.1);
  expect(batched.sns).toBeCloseTo(0.1);
  expect(batched.sqs).toBeCloseTo(1.2);
});

test("npm's own look at the tags is what a bare PUT spares", () => {
  const [npm, bare] = [of("tag change"), of("tag change, bare PUT")];
  expect([npm.httpApi, bare.httpApi]).toEqual([2, 1]);
  expect(npm.s3Reads - bare.s3Reads).toBe(2);
  expect(npm.invocations - bare.invocations).toBe(1);
});

test("a publish keeps its staged tarball for two days of thirty", () => {
  const kept = (tarballMb: number) => of("publish", { tarballMb }).gbKept ?? 0;
  expect((kept(30) - kept(0)) * 1024).toBeCloseTo(2);
});

test("a publish stages its tarball, copies it, and writes the packument", () => {
  expect(of("publish", { tarballMb: 1, changesPerBatch: 1 }).s3Writes).toBe(3);
  expect(of("publish", { tarballMb: 100, changesPerBatch: 1 }).s3Writes).toBe(17);
});

test("an install's tarball does not pass through a function", () => {
  const small = of("install of a package", { tarballMb: 1 });
  const large = of("install of a package", { tarballMb: 100 });
  expect(large.armGbSeconds).toBe(small.armGbSeconds);
  expect(large.gbOut).toBeGreaterThan(small.gbOut);
});

test("a price that doubles, doubles what is bought at it, and nothing else", () => {
  const before = costOf(of("publish"), inputs);
  const after = costOf(of("publish"), {
    ...inputs,
    prices: { ...inputs.prices, s3WritePerThousand: 2 * inputs.prices.s3WritePerThousand },
  });
  expect(after).toEqual({ ...before, "S3 writes": 2 * before["S3 writes"] });
});
