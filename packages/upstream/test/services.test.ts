import { describe, expect, test } from "vitest";
import { UpstreamMalformed, UpstreamUnavailable } from "@codebox/core";
import { manualClock } from "@codebox/testing";
import { serveEachTest, status } from "./served.ts";
import { createHttpUpstream } from "../src/index.ts";

const served = serveEachTest();
const { seen } = served;
const clock = manualClock();
const upstream = () => createHttpUpstream({ url: `${served.url}/npm`, userAgent: "codebox", clock: manualClock() });

describe("keys and attestations", () => {
  test("are asked for at npm's paths, and come as they are", async () => {
    served.answer = (_, response) => response.end('{"keys":[]}');
    expect(await upstream().keys()).toEqual({ keys: [] });
    expect(await upstream().attestations("@a/b", "1.0.0-rc.1")).toEqual({ keys: [] });
    expect(seen.map((request) => request.url)).toEqual([
      "/npm/-/npm/v1/keys",
      "/npm/-/npm/v1/attestations/@a%2Fb@1.0.0-rc.1",
    ]);
  });
  test.each([404, 405, 410])("are absent where the upstream answers %i, and where there is none", async (code) => {
    served.answer = status(code);
    expect(await upstream().keys()).toBeUndefined();
    expect(await upstream().attestations("a", "1.0.0")).toBeUndefined();
    const nowhere = createHttpUpstream({ url: async () => undefined, userAgent: "codebox", clock });
    expect([await nowhere.keys(), await nowhere.attestations("a", "1.0.0")]).toEqual([undefined, undefined]);
  });
  test("are a failure, not absent, where the upstream is down or sends a page", async () => {
    served.answer = status(503);
    await expect(upstream().keys()).rejects.toThrow(UpstreamUnavailable);
    served.answer = (_, response) => response.end("<html>");
    await expect(upstream().attestations("a", "1.0.0")).rejects.toThrow(UpstreamMalformed);
  });
});
describe("a search", () => {
  const query = { text: "left pad & right", from: 20, size: 10 };
  test("is asked for as npm does", async () => {
    served.answer = (_, response) => response.end('{"objects":[{"package":{}}],"total":21}');
    expect(await upstream().search(query)).toEqual({ objects: [{ package: {} }], total: 21 });
    expect(seen[0]?.url).toBe("/npm/-/v1/search?text=left+pad+%26+right&from=20&size=10");
  });
  test("has no answer where the upstream has no search, and where there is no upstream", async () => {
    served.answer = status(404);
    expect(await upstream().search(query)).toBeUndefined();
    const nowhere = createHttpUpstream({ url: async () => undefined, userAgent: "codebox", clock });
    expect(await nowhere.search(query)).toBeUndefined();
  });
  test.each(["[]", '{"objects":{}}', '{"objects":[],"total":"many"}', "<html>"])(
    "answered with %s is malformed",
    async (body) => {
      served.answer = (_, response) => response.end(body);
      await expect(upstream().search(query)).rejects.toThrow(UpstreamMalformed);
    },
  );
  test("ends when its signal aborts", async () => {
    served.answer = () => {};
    const late = new AbortController();
    const found = upstream().search(query, late.signal);
    await expect.poll(() => seen.length).toBe(1);
    late.abort();
    await expect(found).rejects.toThrow(UpstreamUnavailable);
  });
});
test("a search, an audit or keys that fail do not stop packages", async () => {
  served.answer = (request, response) =>
    request.url?.includes("/-/") ? void request.socket.destroy() : response.writeHead(404).end();
  const broken = upstream();
  await expect(broken.search({ text: "a", from: 0, size: 1 })).rejects.toThrow(UpstreamUnavailable);
  await expect(broken.advisories({ a: ["1.0.0"] })).rejects.toThrow(UpstreamUnavailable);
  await expect(broken.keys()).rejects.toThrow(UpstreamUnavailable);
  expect(await broken.packument({ name: "a", form: "full" })).toEqual({ kind: "absent" });
});
test("an answer to an audit that is not JSON is reported as such", async () => {
  served.answer = (_, response) => response.end("<html>");
  await expect(upstream().advisories({ a: ["1.0.0"] })).rejects.toThrow(UpstreamMalformed);
});
test("an audit is forwarded", async () => {
  served.answer = (_, response) => response.end('{"a":[]}');
  expect(await upstream().advisories({ a: ["1.0.0"] })).toEqual({ a: [] });
  expect(seen[0]?.url).toBe("/npm/-/npm/v1/security/advisories/bulk");
});
test.each([404, 405, 410])("an upstream that serves no audits (%i) is a failure, not an all-clear", async (code) => {
  served.answer = status(code);
  await expect(upstream().advisories({ a: ["1.0.0"] })).rejects.toThrow(`does not serve audits: it answered ${code}`);
});
