import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { systemClock } from "@codebox/system";
import { fail } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { indexPackages } from "../src/commands/index-packages.ts";
import { createSendEvent, type LogEvent } from "../src/insights.ts";
import { memoryCheckpoint, never, pipe, smallPages } from "./support.ts";

const EVENT = {
  timestamp: "",
  level: "info",
  namespace: "info:package:put",
  command: { name: "index", args: [] },
  body: {},
} as const;

/** An endpoint that answers so, one after the other, and the pauses that were made between. */
function endpoint(...answers: (Response | Error)[]) {
  const pauses: number[] = [];
  const sent: RequestInit[] = [];
  const fetch = async (_: unknown, init: RequestInit = {}) => {
    sent.push(init);
    const answer = answers.shift() ?? new Response("{}");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const clock = { now: () => new Date(0), sleep: async (ms: number) => void pauses.push(ms) };
  const settings = { url: "https://insights.example/logs", clientId: "id", clientSecret: "s" };
  return { pauses, sent, send: createSendEvent(fetch as typeof globalThis.fetch, clock, settings) };
}

describe("sending an event", () => {
  test("429 and 5xx and a broken connection are tried again, each after a longer pause", async () => {
    const { send, pauses, sent } = endpoint(
      new Response("", { status: 500 }),
      new Response("", { status: 429 }),
      new TypeError("fetch failed"),
    );
    expect(await send(EVENT, never)).toBeUndefined();
    expect(pauses).toEqual([500, 1_000, 2_000]);
    expect(sent.at(-1)).toMatchObject({
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from("id:s").toString("base64")}` },
      body: JSON.stringify(EVENT),
    });
  });
  test("retry-after says how long", async () => {
    const { send, pauses } = endpoint(new Response("", { status: 429, headers: { "retry-after": "7" } }));
    await send(EVENT, never);
    expect(pauses).toEqual([7_000]);
  });
  test("another 4xx is final", async () => {
    const { send, sent } = endpoint(new Response("no such client", { status: 401 }));
    expect(await send(EVENT, never)).toBe("401 no such client");
    expect(sent).toHaveLength(1);
  });
  test("trouble that does not end stops the command, which says how to continue", async () => {
    const { send } = endpoint(...Array.from({ length: 6 }, () => new Response("down", { status: 503 })));
    await expect(send(EVENT, never)).rejects.toThrow(/insights\.example.*503 down.*again later/);
  });
});

describe("codebox index", () => {
  let embedded: SqliteBackend;
  beforeEach(async () => {
    embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock });
  });
  afterEach(() => embedded.close());
  const put = (name: string, document: unknown) =>
    embedded.store.put(
      `${name}/index.json`,
      Buffer.from(typeof document === "string" ? document : JSON.stringify(document)),
    );

  async function run(answer: (event: LogEvent) => string | undefined = () => undefined) {
    const events: LogEvent[] = [];
    const output = pipe();
    const send = async (event: LogEvent) => {
      events.push(event);
      return answer(event);
    };
    const ports = { store: smallPages(embedded.store, 2), send, output, checkpoint: memoryCheckpoint(), signal: never };
    const code = await indexPackages(ports, {
      bucket: "acme",
      url: "https://insights.example",
      dryRun: false,
      concurrency: 1,
    });
    return { code, events, lines: output.lines, summary: output.lines.at(-1) };
  }

  test("sends the version that latest names, the highest where none is, and nothing of a package without versions", async () => {
    const of = (version: string) => ({ name: "x", version, license: "MIT", keywords: ["w"], main: "index.js" });
    const versions = { "1.0.0": of("1.0.0"), "2.0.0": of("2.0.0") };
    await put("@acme/tagged", {
      versions,
      "dist-tags": { latest: "1.0.0" },
      time: { "1.0.0": "2018-01-01T00:00:00.000Z" },
    });
    await put("untagged", { versions });
    await put("gone", { versions: {}, "dist-tags": {} });
    const { code, events, summary } = await run();
    expect(events).toMatchObject([
      {
        namespace: "info:package:put",
        level: "info",
        timestamp: "2018-01-01T00:00:00.000Z",
        command: { name: "index", args: ["@acme/tagged"] },
        body: {
          name: "@acme/tagged",
          version: "1.0.0",
          license: "MIT",
          keywords: ["w"],
          "dist-tags": { latest: "1.0.0" },
        },
      },
      { body: { name: "untagged", version: "2.0.0" } },
    ]);
    expect(events[0]?.body).not.toHaveProperty("main");
    expect(summary).toMatchObject({ sent: 2, withoutVersions: 1, failed: 0 });
    expect(code).toBe(0);
  });
  test("a damaged document and a refused event are reported, do not stop the others, and fail the command", async () => {
    await put("a", "{");
    for (const name of ["b", "c"]) await put(name, { versions: { "1.0.0": { name, version: "1.0.0" } } });
    const { code, lines, summary } = await run(({ body }) => (body["name"] === "b" ? "400 no" : undefined));
    expect(lines.filter(({ problem }) => problem !== undefined).map((line) => line["package"])).toEqual(["a", "b"]);
    expect(summary).toMatchObject({ sent: 1, failed: 2 });
    expect(code).toBe(1);
  });
});
