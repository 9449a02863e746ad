import { expect, test } from "vitest";
import { createRenderCache } from "../src/rendered.ts";
import { heldEtag } from "../src/etag.ts";

test("a document that many ask for at once is rendered once, and not again after that", async () => {
  const render = createRenderCache();
  let made = 0;
  const ask = () => render("wire 1 full", "gzip", () => ({ made: ++made, filler: "x".repeat(2_000) }));
  await Promise.all(Array.from({ length: 50 }, ask));
  await ask();
  expect(made).toBe(1);
});
test("what exceeds the budget in bytes is rendered again", async () => {
  const render = createRenderCache(1_000);
  let made = 0;
  const ask = () => render("wire 1 full", "identity", () => ({ made: ++made, filler: "x".repeat(2_000) }));
  await ask();
  await ask();
  expect(made).toBe(2);
});
test("a rendering that failed is tried again by the next who asks", async () => {
  const render = createRenderCache();
  const broken = render("wire 1 full", "identity", () => {
    throw new Error("broken");
  });
  await expect(broken).rejects.toThrow("broken");
  expect(
    JSON.parse(Buffer.from((await render("wire 1 full", "identity", () => ({ ok: 1 }))).bytes).toString()),
  ).toEqual({
    ok: 1,
  });
});
test.each([
  ['"abc"', '"abc-gzip"', '"abc"'],
  ['"abc-gzip"', '"abc-br"', '"abc-gzip"'],
  ['W/"abc-br"', '"abc"', '"abc-br"'],
  ['"x", "abc-gzip"', '"abc-gzip"', '"abc-gzip"'],
  ["*", '"abc"', '"abc"'],
  ['"abd"', '"abc"', undefined],
  ['"abc-other"', '"abc"', undefined],
  ["abc", '"abc"', undefined],
  ["", '"abc"', undefined],
])("If-None-Match: %s holds %s as %s: an encoding makes no other document", (header, etag, held) => {
  expect(heldEtag(header, etag)).toBe(held);
});
