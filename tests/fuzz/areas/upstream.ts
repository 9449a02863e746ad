import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import ssri from "ssri";
import { isRecord } from "@codebox/core";
import { systemClock } from "@codebox/system";
import { digested, makeTarball } from "@codebox/testing";
import { createHttpUpstream } from "@codebox/upstream";
import { defineArea } from "../support/area.ts";
import type { RawAnswer } from "../support/raw-http.ts";
import { standardHeaders, withServer } from "../support/server.ts";
import { startUpstream, type Reply } from "../support/upstream.ts";
import { coding, encoded } from "../support/codings.ts";
import { editedText, mutated, mutations, textEdits } from "../support/values.ts";

const NAME = "left";
const TARBALL_PATH = `/${NAME}/-/${NAME}-1.0.0.tgz`;
/** The hosts that a document may name, written so until the ports are known. */
const [OWN, ELSEWHERE] = ["http://own.invalid", "http://elsewhere.invalid"];
const small = makeTarball({ name: NAME, version: "1.0.0" });
/** Over the size up to which a tarball is checked as a whole first. */
const big = digested(randomBytes(1_200_000));

const documentOf = (isBig: boolean) => {
  const { integrity, shasum } = isBig ? big : small;
  const version = (number: string, host: string) => ({
    name: NAME,
    version: number,
    dependencies: { right: "^1.0.0" },
    scripts: { install: "true" },
    dist: { integrity, shasum, tarball: `${host}/${NAME}/-/${NAME}-${number}.tgz` },
  });
  return {
    _id: NAME,
    name: NAME,
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": version("1.0.0", OWN), "2.0.0": version("2.0.0", ELSEWHERE) },
    time: {
      created: "2026-01-01T00:00:00.000Z",
      modified: "2026-01-01T00:00:00.000Z",
      "1.0.0": "2026-01-01T00:00:00.000Z",
    },
  };
};

const status = fc.oneof(
  { weight: 8, arbitrary: fc.constant(200) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      204,
      206,
      301,
      302,
      304,
      307,
      400,
      401,
      403,
      404,
      410,
      418,
      429,
      451,
      500,
      502,
      503,
      504,
      599,
    ),
  },
);
const header: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(
    fc.constant("content-type"),
    fc.constantFrom("application/vnd.npm.install-v1+json", "text/html", "", "\u00ff"),
  ),
  fc.tuple(fc.constant("etag"), fc.constantFrom('"x"', "", "W/", "\u0080", "x".repeat(5_000))),
  fc.tuple(
    fc.constant("location"),
    fc.constantFrom(
      `${OWN}${TARBALL_PATH}`,
      `${ELSEWHERE}/x`,
      "//elsewhere.invalid/x",
      "",
      "http://",
      "http://[",
      "file:///etc/passwd",
      "data:,x",
      "?",
      `${OWN}@elsewhere.invalid/`,
      `http://user:pass@own.invalid/x`,
      "\\\\elsewhere.invalid\\x",
    ),
  ),
  fc.tuple(fc.constant("content-length"), fc.constantFrom("0", "1", "999999999999", "-1", "x", "")),
  fc.tuple(fc.constant("transfer-encoding"), fc.constantFrom("chunked", "gzip")),
  fc.tuple(
    fc.constantFrom("set-cookie", "x-y", "__proto__", "npm-notice"),
    fc.constantFrom("evil=1", "", "\u009b2J", "x".repeat(9_000)),
  ),
);
const reply = fc.record({
  status,
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant<(readonly [string, string])[]>([]) },
    { weight: 1, arbitrary: fc.array(header, { maxLength: 2 }) },
  ),
  coding,
  missing: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(1, 100, 10_000_000) },
  ),
});
type ReplyInput = typeof reply extends fc.Arbitrary<infer Input> ? Input : never;

const REQUESTS = [
  ["GET", `/${NAME}`, "*/*"],
  ["GET", `/${NAME}`, "application/vnd.npm.install-v1+json"],
  ["HEAD", `/${NAME}`, "*/*"],
  ["GET", `/${NAME}/1.0.0`, "*/*"],
  ["GET", `/${NAME}/^1.0.0`, "*/*"],
  ["GET", TARBALL_PATH, "*/*"],
  ["GET", TARBALL_PATH.replace("1.0.0", "2.0.0"), "*/*"],
  ["HEAD", TARBALL_PATH, "*/*"],
  ["GET", `/-/package/${NAME}/dist-tags`, "*/*"],
  ["GET", `/-/package/${NAME}/dist-tags/latest`, "*/*"],
  ["POST", "/-/npm/v1/security/advisories/bulk", "*/*"],
] as const;

/** An upstream that answers anything: its faults are named as its own, and nothing reaches a client unchecked. */
export const upstream = defineArea({
  name: "upstream",
  rule: "what an upstream sends is checked, or is a failure of the upstream; no other host is asked",
  runs: 40,
  input: fc.record({
    isBig: fc.constantFrom(false, false, false, true),
    changes: mutations,
    edits: textEdits,
    document: reply,
    tarball: reply,
    tarballIsRight: fc.constantFrom(true, true, true, false),
    advisories: reply,
    requests: fc.array(fc.nat(REQUESTS.length - 1), { minLength: 1, maxLength: 4 }),
  }),
  async check({ isBig, changes, edits, document, tarball, tarballIsRight, advisories, requests }, watch) {
    const text = JSON.stringify(mutated(documentOf(isBig), changes)) ?? "";
    const elsewhere = await startUpstream(() => ({ status: 200, headers: [], body: small.bytes, missing: 0 }));
    const placed = (value: string, own: string) =>
      value
        .replaceAll(OWN, own)
        .replaceAll(ELSEWHERE, elsewhere.url)
        .replaceAll("elsewhere.invalid", new URL(elsewhere.url).host)
        .replaceAll("own.invalid", new URL(own).host);
    const replyOf = (input: ReplyInput, body: Uint8Array): Reply => ({
      status: input.status,
      missing: input.missing,
      body: encoded(body, input.coding),
      headers: [
        ...(input.coding.declared === "" ? [] : [["content-encoding", input.coding.declared] as const]),
        ...input.headers.map(([name, value]) => [name, placed(value, own.url)] as const),
      ],
    });
    const bytes = () => editedText(placed(text, own.url), edits);
    const tarballBytes = tarballIsRight
      ? isBig
        ? big.bytes
        : small.bytes
      : Buffer.concat([small.bytes, Buffer.from("x")]);
    const own = await startUpstream((path) => {
      if (path.endsWith(".tgz")) return replies.tarball;
      return path.startsWith("/-/") ? replies.advisories : replies.document;
    });
    // Made before anything is measured: to compress them takes longer than to read them.
    const replies = {
      tarball: replyOf(tarball, tarballBytes),
      advisories: replyOf(advisories, Buffer.from(text)),
      document: replyOf(document, bytes()),
    };
    const port = createHttpUpstream({
      url: own.url,
      userAgent: "fuzz",
      clock: systemClock,
      timeoutMs: 5_000,
      packumentBytesMax: 1024 * 1024,
      tarballBytesMax: 4 * 1024 * 1024,
    });
    try {
      await withServer(
        async ({ send, token }) => {
          for (const index of requests) {
            const [method, path, accept] = REQUESTS[index] ?? assert.fail("no request");
            const body = method === "POST" ? Buffer.from('{"left":["1.0.0"]}') : undefined;
            const headers = [...standardHeaders(token, body), ["accept", accept] as const];
            const answer = await watch(() => send({ method, path, headers, body }));
            assert.ok(answer);
            checkUpstreamAnswer(path, answer, parsed(bytes()), elsewhere.url);
          }
        },
        { upstream: port, empty: true },
      );
      assert.equal(elsewhere.connections(), 0, "another host was asked");
    } finally {
      await Promise.all([own.close(), elsewhere.close()]);
    }
  },
});

function checkUpstreamAnswer(
  path: string,
  { status: got, headers, body, broken }: RawAnswer,
  document: unknown,
  elsewhere: string,
): void {
  assert.equal(headers.get("set-cookie"), undefined);
  if (got !== 200 || body.length === 0) return;
  if (path.endsWith(".tgz")) {
    const dist = at(document, "versions", path.includes("2.0.0") ? "2.0.0" : "1.0.0", "dist");
    const digest = digestOf(at(dist, "integrity"), at(dist, "shasum"));
    if (!broken && digest !== undefined)
      assert.ok(ssri.checkData(body, digest), "a tarball of another digest was served");
    return;
  }
  const shown = parsed(body);
  assert.notEqual(shown, undefined, "the answer is no JSON");
  for (const manifest of [shown, ...Object.values(record(at(shown, "versions")))])
    assert.ok(!String(at(manifest, "dist", "tarball")).startsWith(elsewhere), "a tarball elsewhere is named");
}

function digestOf(integrity: unknown, shasum: unknown): string | undefined {
  const hashes = typeof integrity === "string" ? ssri.parse(integrity) : null;
  for (const algorithm of ["sha512", "sha384", "sha256", "sha1"])
    if (hashes?.[algorithm]?.length) return hashes[algorithm].map(String).join(" ");
  return typeof shasum === "string" && /^[0-9a-f]{40}$/i.test(shasum)
    ? `sha1-${Buffer.from(shasum, "hex").toString("base64")}`
    : undefined;
}

const record = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});
const at = (value: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce<unknown>((inner, key) => (Object.hasOwn(record(inner), key) ? record(inner)[key] : undefined), value);

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
