import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { describe, expect, test, vi } from "vitest";
import { UpstreamMalformed, UpstreamRefused, UpstreamUnavailable, type UpstreamTarball } from "@codebox/core";
import { manualClock } from "@codebox/testing";
import { serveEachTest, status } from "./served.ts";
import { createHttpUpstream, defaultUpstreamUrl } from "../src/index.ts";

const served = serveEachTest();
const { seen } = served;
const clock = manualClock();
const upstream = (more: object = {}) =>
  createHttpUpstream({ url: `${served.url}/npm`, userAgent: "codebox", clock: manualClock(), ...more });

const read = async (tarball: Promise<UpstreamTarball | undefined>) =>
  Buffer.concat(await Array.fromAsync((await tarball)?.body ?? [])).toString();

describe("a packument", () => {
  test("is asked for as npm does, and comes decompressed with its ETag", async () => {
    served.answer = (_, response) =>
      response.writeHead(200, { etag: '"1"', "content-encoding": "gzip" }).end(gzipSync('{"name":"@a/b"}'));
    const found = await upstream().packument({ name: "@a/b", form: "abbreviated" });
    expect(found).toMatchObject({ kind: "found", etag: '"1"', form: "full" });
    expect(found.kind === "found" && Buffer.from(found.bytes).toString()).toBe('{"name":"@a/b"}');
    expect(seen[0]?.url).toBe("/npm/@a%2Fb");
    expect(seen[0]?.headers.accept).toContain("vnd.npm.install-v1");
  });
  test("that did not change is not modified", async () => {
    served.answer = (request, response) =>
      response.writeHead(request.headers["if-none-match"] === '"1"' ? 304 : 200).end();
    expect(await upstream().packument({ name: "a", form: "full", ifNoneMatch: '"1"' })).toEqual({
      kind: "not_modified",
    });
  });
  test("that does not exist is absent", async () => {
    served.answer = status(404);
    expect(await upstream().packument({ name: "a", form: "full" })).toEqual({ kind: "absent" });
  });
  test.each([500, 503, 429, 408])("an answer of %i is an upstream that is unavailable", async (code) => {
    served.answer = status(code);
    await expect(upstream().packument({ name: "a", form: "full" })).rejects.toThrow(UpstreamUnavailable);
  });
  test.each([400, 401, 403, 451])("an answer of %i is a refusal of this package", async (code) => {
    served.answer = status(code);
    await expect(upstream().packument({ name: "a", form: "full" })).rejects.toThrow(UpstreamRefused);
  });
  test("a refusal says whether the registry showed a token", async () => {
    served.answer = status(401);
    const ask = (more: object) => upstream(more).packument({ name: "a", form: "full" });
    await expect(ask({})).rejects.toThrow("the registry has no token for it");
    await expect(ask({ token: "secret" })).rejects.toThrow("does not take the registry's token");
  });
  test("that never comes is given up", async () => {
    served.answer = () => {};
    await expect(upstream({ timeoutMs: 20 }).packument({ name: "a", form: "full" })).rejects.toThrow(
      "no answer within 20 ms",
    );
  });
  test("that is too large is refused", async () => {
    served.answer = (_, response) => response.end("x".repeat(1_000));
    await expect(upstream({ packumentBytesMax: 100 }).packument({ name: "a", form: "full" })).rejects.toThrow(
      "over 100 bytes",
    );
  });
  test("that is too large once it is decompressed is refused, with the setting that limits it", async () => {
    served.answer = (_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(65 * 1024 * 1024, " ")));
    };
    const asked = upstream({}).packument({ name: "a", form: "full" });
    await expect(asked).rejects.toThrow("CODEBOX_UPSTREAM_PACKUMENT_MB limits, is over 67108864 bytes");
  });
  test("is refused for the moment while too much of others is arriving, and what they held is free again", async () => {
    const held: ServerResponse[] = [];
    served.answer = ({ url }, response) => {
      if (url?.endsWith("/e")) return void response.end("x".repeat(90));
      response.write("x".repeat(80));
      held.push(response);
    };
    const limited = upstream({ packumentBytesMax: 100 });
    const asked = ["a", "b", "c", "d"].map((name) => limited.packument({ name, form: "full" }));
    await vi.waitFor(() => expect(held).toHaveLength(4));
    await vi.waitFor(() =>
      expect(limited.packument({ name: "e", form: "full" })).rejects.toThrow("too much of it is being read"),
    );
    for (const response of held) response.end();
    await Promise.all(asked);
    expect(await limited.packument({ name: "e", form: "full" })).toMatchObject({ kind: "found" });
  });
  test("from nobody is unavailable, and the message has no URL", async () => {
    const nobody = createHttpUpstream({ url: "http://user:secret@127.0.0.1:1/", userAgent: "codebox", clock });
    const failure = await nobody.packument({ name: "a", form: "full" }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UpstreamUnavailable);
    expect(String(failure)).not.toContain("secret");
  });
});

test("the token goes to the upstream's own origin, and to no other", async () => {
  served.answer = (_, response) => response.end("tgz");
  const other = createServer((request, response) => {
    seen.push(request);
    response.end("tgz");
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  const host = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  const signed = upstream({ token: "secret", tarballHosts: [host] });
  await read(signed.tarball(`${served.url}/a.tgz`));
  await read(signed.tarball(`http://${host}/a.tgz`));
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer secret", undefined]);
  other.closeAllConnections();
  other.close();
});
test("a tarball is a stream with its size; one that is gone is undefined; one at no http URL is refused", async () => {
  served.answer = (request, response) =>
    request.url === "/a.tgz"
      ? response.writeHead(200, { "content-length": "3" }).end("tgz")
      : response.writeHead(404).end();
  const found = await upstream().tarball(`${served.url}/a.tgz`);
  expect(found?.size).toBe(3);
  expect(await read(Promise.resolve(found))).toBe("tgz");
  expect(await upstream().tarball(`${served.url}/b.tgz`)).toBeUndefined();
  await expect(upstream().tarball("file:///etc/passwd")).rejects.toThrow("not at an http URL");
});
test("an upstream that turns out to be nowhere has no package", async () => {
  const nowhere = createHttpUpstream({ url: async () => undefined, userAgent: "codebox", clock });
  expect(await nowhere.packument({ name: "a", form: "full" })).toEqual({ kind: "absent" });
  expect(await nowhere.tarball("http://127.0.0.1:1/a.tgz")).toBeUndefined();
  await expect(nowhere.advisories({ a: ["1.0.0"] })).rejects.toThrow("no upstream to ask");
});
test("the default upstream is what npm is configured with: the project's .npmrc, and the environment before it", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "codebox-npmrc-"));
  await writeFile(join(cwd, "package.json"), "{}");
  await writeFile(join(cwd, ".npmrc"), "registry=https://npmrc.example/\n");
  const around = { cwd, execPath: process.execPath, platform: process.platform };
  const env = { HOME: cwd, PATH: process.env["PATH"] };
  expect(await defaultUpstreamUrl({ ...around, env })).toBe("https://npmrc.example/");
  expect(await defaultUpstreamUrl({ ...around, env: { ...env, npm_config_registry: "https://env.example/" } })).toBe(
    "https://env.example/",
  );
  await rm(cwd, { recursive: true });
});

describe("where a tarball comes from", () => {
  /** A second server, on another port: another origin. */
  async function elsewhere() {
    const asked: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      asked.push(request.url);
      response.end("elsewhere");
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    return {
      asked,
      host: `127.0.0.1:${(other.address() as AddressInfo).port}`,
      async [Symbol.asyncDispose]() {
        other.closeAllConnections();
        other.close();
        await once(other, "close");
      },
    };
  }

  test("a host that is not listed is replaced by the upstream, under its path", async () => {
    await using other = await elsewhere();
    served.answer = (_, response) => response.end("tgz");
    expect(await read(upstream().tarball(`http://${other.host}/a/-/a-1.0.0.tgz`))).toBe("tgz");
    expect(await read(upstream().tarball(`http://${other.host}/npm/a/-/a-1.0.0.tgz`))).toBe("tgz");
    expect(seen.map((request) => request.url)).toEqual(["/npm/a/-/a-1.0.0.tgz", "/npm/a/-/a-1.0.0.tgz"]);
    expect(other.asked).toEqual([]);
  });
  test("a listed host is asked itself", async () => {
    await using other = await elsewhere();
    expect(await read(upstream({ tarballHosts: [other.host] }).tarball(`http://${other.host}/a.tgz`))).toBe(
      "elsewhere",
    );
  });
  test("a redirect is followed to the upstream or a listed host, and refused to any other", async () => {
    await using other = await elsewhere();
    served.answer = (request, response) =>
      request.url === "/moved.tgz"
        ? response.end("moved")
        : response
            .writeHead(302, { location: request.url === "/a.tgz" ? "/moved.tgz" : `http://${other.host}/b.tgz` })
            .end();
    expect(await read(upstream().tarball(`${served.url}/a.tgz`))).toBe("moved");
    await expect(upstream().tarball(`${served.url}/b.tgz`)).rejects.toThrow(
      /redirects to 127\.0\.0\.1:\d+.*--upstream-hosts/,
    );
    expect(other.asked).toEqual([]);
    expect(await read(upstream({ tarballHosts: [other.host] }).tarball(`${served.url}/b.tgz`))).toBe("elsewhere");
  });
  test("redirects without end are given up", async () => {
    served.answer = (_, response) => response.writeHead(302, { location: "/a.tgz" }).end();
    await expect(upstream().tarball(`${served.url}/a.tgz`)).rejects.toThrow("redirects more than 5 times");
  });
  test("a redirect of a packument obeys the same rule", async () => {
    await using other = await elsewhere();
    served.answer = (_, response) => response.writeHead(301, { location: `http://${other.host}/` }).end();
    await expect(upstream().packument({ name: "a", form: "full" })).rejects.toThrow(UpstreamMalformed);
    expect(other.asked).toEqual([]);
  });
});

test("a tarball over the limit is refused, whether its size is stated or not", async () => {
  served.answer = (request, response) =>
    request.url === "/stated.tgz"
      ? response.writeHead(200, { "content-length": "1000" }).end("x".repeat(1_000))
      : response.writeHead(200, { "transfer-encoding": "chunked" }).end("x".repeat(1_000));
  const small = upstream({ tarballBytesMax: 100 });
  await expect(small.tarball(`${served.url}/stated.tgz`)).rejects.toThrow("its tarball is over 100 bytes");
  await expect(read(small.tarball(`${served.url}/chunked.tgz`))).rejects.toThrow("its tarball is over 100 bytes");
});
test("a tarball whose bytes stop coming is given up", async () => {
  served.answer = (_, response) => void response.writeHead(200, { "content-length": "10" }).write("x");
  await expect(read(upstream({ timeoutMs: 50 }).tarball(`${served.url}/a.tgz`))).rejects.toThrow(UpstreamUnavailable);
});
test("a download ends when its signal aborts", async () => {
  served.answer = (_, response) => void response.writeHead(200, { "content-length": "10" }).write("x");
  const gone = new AbortController();
  const body = read(upstream().tarball(`${served.url}/a.tgz`, gone.signal));
  await expect.poll(() => seen.length).toBe(1);
  const closed = once(seen[0]!.socket, "close");
  gone.abort();
  await expect(body).rejects.toThrow(UpstreamUnavailable);
  await closed;
});
test("the form of a packument is that of what came, not of what was asked for", async () => {
  served.answer = (request, response) => {
    const type = request.url?.endsWith("/b")
      ? "application/json"
      : "application/vnd.npm.install-v1+json; charset=utf-8";
    response.writeHead(200, { "content-type": type }).end("{}");
  };
  expect(await upstream().packument({ name: "a", form: "abbreviated" })).toMatchObject({ form: "abbreviated" });
  expect(await upstream().packument({ name: "b", form: "abbreviated" })).toMatchObject({ form: "full" });
});
describe("an origin that is down", () => {
  test("is left alone for a moment after no answer, and asked again then", async () => {
    const time = manualClock();
    served.answer = (request) => request.socket.destroy();
    const down = upstream({ clock: time });
    await expect(down.packument({ name: "a", form: "full" })).rejects.toThrow(UpstreamUnavailable);
    await expect(down.packument({ name: "b", form: "full" })).rejects.toThrow("failed a moment ago");
    served.answer = status(404);
    await time.advance(5_000);
    expect(await down.packument({ name: "b", form: "full" })).toEqual({ kind: "absent" });
  });
  test("a server error at one package does not stop the others; three in a row do", async () => {
    served.answer = status(500);
    const broken = upstream();
    for (const name of ["a", "b", "c"])
      await expect(broken.packument({ name, form: "full" })).rejects.toThrow("it answered 500");
    await expect(broken.packument({ name: "d", form: "full" })).rejects.toThrow("failed a moment ago");
  });
  test("does not stop another origin", async () => {
    served.answer = (_, response) => response.end("tgz");
    const both = upstream({ tarballHosts: ["127.0.0.1:1"] });
    await expect(both.tarball("http://127.0.0.1:1/a.tgz")).rejects.toThrow(UpstreamUnavailable);
    expect(await read(both.tarball(`${served.url}/a.tgz`))).toBe("tgz");
  });
});
