import assert from "node:assert/strict";
import fc from "fast-check";
import { defineArea } from "../support/area.ts";
import { publishBody, standardHeaders, withServer } from "../support/server.ts";

const PATHS = [
  "/wire",
  "/wire/1.0.0",
  "/wire/-/wire-1.0.0.tgz",
  "/-/package/wire/dist-tags",
  "/-/whoami",
  "/-/v1/search?text=wire",
  "/-/ping",
  "/-/npm/v1/tokens",
  "/-/events",
];

/** Each header with values that mean something to it. */
const VALUES = {
  host: [
    "localhost",
    "LOCALHOST:1",
    "127.0.0.1",
    "[::1]",
    "evil.test",
    "localhost.evil.test",
    "localhost@evil.test",
    "",
    "a b",
    "localhost, evil.test",
    "[",
    "\u00e9",
    "localhost/x",
    "localhost#",
    "xn--",
    "a".repeat(3_000),
  ],
  authorization: [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "bearer x",
    "Basic Og==",
    "Basic %%%",
    "Bearer cbx_0123456789abcdef",
    "Bearer \u00e9",
    "Digest x",
    `Bearer ${"a".repeat(7_000)}`,
  ],
  accept: [
    "*/*",
    "",
    "application/vnd.npm.install-v1+json",
    "application/vnd.npm.install-v1+json;q=0",
    "application/vnd.npm.install-v1+json; q=x",
    ";q=1",
    ",".repeat(3_000),
    `${"a/b;q=0.1,".repeat(700)}application/vnd.npm.install-v1+json`,
    `application/vnd.npm.install-v1+json;${'a="'.repeat(2_000)}`,
    `application/vnd.npm.install-v1+json${" ".repeat(5_000)}`,
  ],
  "accept-encoding": [
    "gzip",
    "br",
    "identity;q=0",
    "*",
    "*;q=0",
    "gzip;q=abc",
    "br;q=1e9, gzip;q=-1",
    "",
    "GZIP",
    ",;=,",
    "br;".repeat(2_000),
    "__proto__",
  ],
  "if-none-match": ["*", '"x"', "W/", 'W/""', ",", ",".repeat(6_000), '"', '-gzip"', "\u00e9"],
  "if-match": ["*", '"x"', "a,b"],
  range: [
    "bytes=0-1",
    "bytes=1-0",
    "bytes=-0",
    "bytes=-1",
    "bytes=99999999999999999999-",
    "bytes=0-1,2-3",
    `bytes=${"0-0,".repeat(3_000)}`,
    "bytes=",
    "x=0-1",
    "bytes=a-b",
    "bytes= 0 - 1",
    "bytes=0-0x1",
  ],
  "if-range": ['"x"', "Tue, 24 Nov 2026 10:00:00 GMT"],
  "cache-control": ["no-cache", "max-age=0", "no-cache".repeat(500)],
  "content-type": ["", "text/html", "application/json; charset=utf-16", "multipart/form-data"],
  "npm-command": ["publish", "\u0080\u009b2J", "a".repeat(3_000), "cbx_0123456789abcdef"],
  "user-agent": ["", "\u009b31m", "npm/1"],
  "last-event-id": ["0", "-1", "1e999", "x"],
  "x-forwarded-for": ["127.0.0.1", "evil"],
  "x-forwarded-host": ["evil.test"],
  "x-forwarded-proto": ["https"],
  forwarded: ["host=evil.test"],
  origin: ["http://evil.test", "null"],
  cookie: ["a=b"],
  upgrade: ["websocket", "h2c"],
  "x-http-method-override": ["DELETE"],
} as const;
/** Headers that say where the body ends. With a wrong one the request may never be complete. */
const FRAMING = {
  "content-length": ["0", "1", "-1", "99999999999999999999", "1, 1", "0x1", "+1", " 1 ", "", "33554433"],
  "transfer-encoding": ["chunked", "chunked, chunked", "gzip, chunked", "identity", "\u000bchunked", "xchunked", ""],
  expect: ["100-continue", "x"],
  connection: ["upgrade", "keep-alive", "content-length"],
} as const;

type Header = readonly [string, string];
const headersOf = (table: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<Header> =>
  fc
    .constantFrom(...Object.keys(table))
    .chain((name) =>
      fc.tuple(
        fc.constant(name),
        fc.oneof(
          { weight: 5, arbitrary: fc.constantFrom(...(table[name] ?? [])) },
          { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 8 }) },
        ),
      ),
    );
const oddHeader: fc.Arbitrary<Header> = fc.tuple(
  fc.constantFrom(
    "",
    " host",
    "x y",
    "x\u0000",
    "__proto__",
    "constructor",
    "a".repeat(500),
    "\u00e9",
    "x\n",
    "host\t",
  ),
  fc.constantFrom("", "x", "\u0000", "\r\n y", "a".repeat(9_000)),
);

/** Headers of any kind, twice, or none at all: an answer, and never for another host. */
export const headers = defineArea({
  name: "headers",
  rule: "a request with odd headers is answered or refused; a foreign Host never",
  runs: 60,
  input: fc.record({
    path: fc.constantFrom(...PATHS),
    method: fc.constantFrom("GET", "GET", "GET", "HEAD", "PUT"),
    own: fc.array(headersOf(VALUES), { maxLength: 4 }),
    framing: fc.oneof(
      { weight: 4, arbitrary: fc.constant<Header[]>([]) },
      { weight: 1, arbitrary: fc.array(headersOf(FRAMING), { maxLength: 2 }) },
    ),
    odd: fc.oneof(
      { weight: 6, arbitrary: fc.constant<Header[]>([]) },
      { weight: 1, arbitrary: fc.array(oddHeader, { maxLength: 1 }) },
    ),
    hasDefaults: fc.constantFrom(true, true, true, false),
  }),
  check: ({ path, method, own, framing, odd, hasDefaults }, watch) =>
    withServer(async ({ send, token, json }) => {
      const body = method === "PUT" ? Buffer.from(JSON.stringify(publishBody("wire", "2.0.0"))) : undefined;
      const given = new Set(own.map(([name]) => name));
      const standard = hasDefaults ? standardHeaders(token, body).filter(([name]) => !given.has(name)) : [];
      const length: Header[] = body && !hasDefaults ? [["content-length", String(body.length)]] : [];
      // The parser may find a second request in what follows a wrong length.
      const all = [...standard, ...length, ...own, ...framing, ...odd].map(
        ([name, value]) => [name, value.replace(/[\r\n]+(?![ \t])/g, "")] as const,
      );
      const isUnsure = framing.length > 0 || odd.length > 0 || given.has("upgrade");
      const answer = await watch(() => send({ method, path, headers: all, body, cut: isUnsure }));
      if (answer)
        assert.doesNotMatch(
          `${JSON.stringify([...answer.headers])}${answer.status < 400 ? answer.body.toString("latin1") : ""}`,
          /evil\.test/,
          "a foreign host in an answer",
        );
      assert.equal((await json("GET", "/wire")).status, 200);
    }),
});
