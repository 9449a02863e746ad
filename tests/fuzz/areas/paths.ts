import fc from "fast-check";
import { defineArea } from "../support/area.ts";
import { standardHeaders, withServer } from "../support/server.ts";

const method = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("GET", "HEAD", "PUT", "POST", "DELETE") },
  { weight: 1, arbitrary: fc.constantFrom("PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "M-SEARCH") },
);
/** Parts of the routes, and what stands between, before and behind them when somebody looks for a way in. */
const part = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "/wire",
      "/@acme",
      "/@acme%2fwire",
      "/@acme/wire",
      "/%40acme%2Fwire",
      "/-",
      "/-/wire-1.0.0.tgz",
      "/-/package",
      "/dist-tags",
      "/latest",
      "/1.0.0",
      "/^1.0.0",
      "/-rev/1-x",
      "/-/user",
      "/org.couchdb.user:alice",
      "/-/user/token",
      "/-/npm/v1/tokens",
      "/token",
      "/-/npm/v1/user",
      "/-/v1/search",
      "/-/changes",
      "/history",
      "/-/events",
      "/-/dead-letters",
      "/-/whoami",
      "/-/ping",
      "/-/health",
      "/-/v1/login",
      "/-/npm/v1/security/advisories/bulk",
      "/-/all",
      "/constructor",
      "/__proto__",
      "/_codebox",
      "/index.json",
      "/favicon.ico",
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "/",
      "//",
      "/.",
      "/..",
      "/%2e%2e",
      "/%2f",
      "%2f",
      "%5c",
      "\\",
      "%00",
      "%0d%0a",
      "%",
      "%zz",
      "%c0%af",
      "%ed%a0%80",
      "%F0%9F%98%80",
      "@",
      ";x",
      ":",
      "*",
      "+",
      "%20",
      "~",
      ".tgz",
      "cbx_0123456789abcdef",
      "/cbx_0123456789abcdef",
      "/%63bx_0123456789abcdef",
      "\u00e9",
      "\u00ff",
      "[::1]",
      "http://localhost",
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 10 }).map((text) => text.replace(/[\s]/g, "")) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("a", "/", "%2f", "..%2f", "@", "-", "1.", "%41"), fc.constantFrom(30, 300, 4_000))
      .map(([text, count]) => text.repeat(count)),
  },
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc
      .array(
        fc.tuple(
          fc.constantFrom("text", "size", "from", "write", "package", "after", "x", "__proto__", "text[]"),
          fc.constantFrom(
            "",
            "wire",
            "1",
            "-1",
            "1e9",
            "999999999",
            "NaN",
            "true",
            "%",
            "%00",
            "..%2f",
            "keywords:",
            "a".repeat(300),
            "+%2B".repeat(60),
            "%F0%9F%98%80",
          ),
        ),
        { maxLength: 3 },
      )
      .map((pairs) => `?${pairs.map(([name, value]) => `${name}=${value}`).join("&")}`),
  },
  { weight: 1, arbitrary: fc.constantFrom("?", "#", "?%", "?&&&", "?=", "#?x") },
);

/** Any path with any method is answered as the protocol says, and nothing in it reaches the log as it is. */
export const paths = defineArea({
  name: "paths",
  rule: "a path is served or refused with a reason; no token of it is logged",
  runs: 60,
  input: fc.array(fc.record({ method, parts: fc.array(part, { minLength: 1, maxLength: 5 }), query }), {
    minLength: 1,
    maxLength: 3,
  }),
  check: (requests, watch) =>
    withServer(async ({ send, token }) => {
      for (const { method: verb, parts, query: search } of requests) {
        const body = verb === "PUT" || verb === "POST" ? Buffer.from("{}") : undefined;
        const headers = standardHeaders(token, body);
        const path = `/${parts.join("").replace(/^\//, "")}${search}`.slice(0, 12_000);
        await watch(() => send({ method: verb, path, headers, body }));
      }
    }),
});
