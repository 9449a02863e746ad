import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

/** All that the server prints from now on. */
function printed({ process: child }: Registry): { out: string; errors: string } {
  const seen = { out: "", errors: "" };
  child.stdout?.on("data", (chunk: Buffer) => (seen.out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (seen.errors += chunk.toString()));
  return seen;
}

describe("the start", () => {
  test("makes a token as long as nobody holds one, also when the start before failed", async () => {
    await using dir = await scratch();
    const data = join(dir.path, "ours");
    const other = await startRegistry(join(dir.path, "other"));
    const taken = ["--no-upstream", "--port", new URL(other.url).port];
    await expect(startRegistry(data, taken)).rejects.toThrow("the port is taken");
    await other.stop();
    const registry = await startRegistry(data);
    expect(registry.token).toMatch(/^cbx_/);
    expect(registry.hint).toBeUndefined();
    await registry.stop();
  });
  test("without a token to show says how to make one, in a pipe too", async () => {
    await using dir = await scratch();
    await (await startRegistry(dir.path)).stop();
    const again = await startRegistry(dir.path);
    expect(again.hint).toContain("npm start -- --new-token <user>");
    await again.stop();
  });
  test("with itself as the upstream says so, and has no package but its own", async () => {
    await using dir = await scratch();
    const url = "http://npm.acme.example";
    const registry = await startRegistry(dir.path, ["--public-url", url, "--upstream", `${url}/`]);
    const seen = printed(registry);
    expect((await registry.fetch("/left")).status).toBe(404);
    await registry.stop();
    expect(seen.out).toContain("the upstream would be this registry itself");
  });
});

test.each([
  ["no Host", "GET / HTTP/1.1\r\n"],
  ["two Host lines", "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nHost: 127.0.0.1\r\n"],
  ["another host in its target", "GET http://elsewhere.example/ HTTP/1.1\r\nhost: 127.0.0.1\r\n"],
  ["a user in its target", "GET http://a:b@127.0.0.1/ HTTP/1.1\r\nhost: 127.0.0.1\r\n"],
  ["a wrong Host", "GET / HTTP/1.1\r\nhost: a b\r\n"],
  ["a backslash in the path", "GET /a\\b HTTP/1.1\r\nhost: registry\r\n"],
  [
    "dot segments that lead to another package",
    "GET /-/package/no/dist-tags/../../wire/dist-tags HTTP/1.1\r\nhost: registry\r\n",
  ],
  ["escaped dot segments", "GET /no/%2e%2e/wire HTTP/1.1\r\nhost: registry\r\n"],
  ["a method without a path", "OPTIONS * HTTP/1.1\r\nhost: registry\r\n"],
])("a request with %s is 400 with an error, and a line of the log", async (_, head) => {
  await using dir = await scratch();
  const registry = await startRegistry(dir.path);
  const seen = printed(registry);
  const socket = connect(Number(new URL(registry.url).port), "127.0.0.1");
  socket.write(`${head}connection: close\r\n\r\n`);
  const answer = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString();
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({ ok: false, code: "invalid" });
  await registry.stop();
  expect(seen.out).toContain('"msg":"malformed request"');
});

test("a host that is only in the target of a request is checked like a Host line", async () => {
  await using dir = await scratch();
  const registry = await startRegistry(dir.path);
  const statusOf = async (host: string) => {
    const socket = connect(Number(new URL(registry.url).port), "127.0.0.1");
    socket.write(`GET http://${host}/-/whoami HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    const answer = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString();
    return answer.slice("HTTP/1.1 ".length, "HTTP/1.1 ".length + 3);
  };
  expect([await statusOf("elsewhere.example"), await statusOf("127.0.0.1")]).toEqual(["421", "401"]);
  await registry.stop();
});

test("a damaged tarball of the upstream is 502 when it is small, and breaks the download off when it is large, with a line in the log", async () => {
  await using dir = await scratch();
  const { bytes, integrity } = makeTarball({ name: "left", version: "1.0.0" });
  let more = 1_000;
  const upstream = createServer((request, response) => {
    const tarball = `http://${request.headers.host}/left/-/left-1.0.0.tgz`;
    if (request.url?.endsWith(".tgz")) return void response.end(Buffer.concat([bytes, Buffer.alloc(more)]));
    const manifest = { name: "left", version: "1.0.0", dist: { integrity, tarball } };
    response.end(JSON.stringify({ name: "left", "dist-tags": {}, versions: { "1.0.0": manifest } }));
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const registry = await startRegistry(dir.path, ["--upstream", url]);
  const seen = printed(registry);
  const download = async () => (await registry.fetch("/left/-/left-1.0.0.tgz")).arrayBuffer();
  expect((await registry.fetch("/left/-/left-1.0.0.tgz")).status).toBe(502);
  more = 2_000_000;
  await expect(download()).rejects.toThrow();
  expect(await registry.stop()).toBe(0);
  upstream.closeAllConnections();
  upstream.close();
  const lines = seen.out.trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { msg?: string }).msg)).toContain("an answer broke off");
  expect(seen.errors).toBe("");
});
