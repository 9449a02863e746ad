import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { contractDocument, type ChangeEvent } from "@codebox/core";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { publish } from "../support/load.ts";
import { ROOT, scratch, startRegistry, type Registry } from "../support/registry.ts";

const PYTHON = "python3";
const hasPython = spawnSync(PYTHON, ["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).status === 0;
if (!hasPython) console.warn("skipped: the examples in Python need python3, 3.9 or newer");

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;

beforeAll(async () => {
  dir = await scratch();
  registry = await startRegistry(path.join(dir.path, "data"));
  for (const version of ["1.0.0", "1.1.0"]) expect((await publish(registry, "wire", version)).status).toBe(201);
});
afterAll(async () => {
  await registry.stop();
  await dir[Symbol.asyncDispose]();
});

type Language = {
  readonly name: string;
  readonly command: string;
  readonly sender: string;
  readonly subscriber: string;
};
const example = (file: string) => path.join(ROOT, "examples", file);
const LANGUAGES: readonly Language[] = [
  {
    name: "TypeScript",
    command: process.execPath,
    sender: example("tag-sender/main.ts"),
    subscriber: example("event-subscriber/main.ts"),
  },
  ...(hasPython
    ? [
        {
          name: "Python",
          command: PYTHON,
          sender: example("python/tag_sender.py"),
          subscriber: example("python/event_subscriber.py"),
        },
      ]
    : []),
];
const env = () => ({ PATH: process.env["PATH"], PYTHONDONTWRITEBYTECODE: "1", CODEBOX_TOKEN: registry.token });

describe.each(LANGUAGES)("the examples in $name", ({ name: language, command, sender, subscriber }) => {
  // Not spawnSync: while it blocks, the server closes connections that this process would use again.
  const send = async (tag: string, version: string, id: string) => {
    const child = spawn(command, [sender, registry.url, "wire", tag, version, id], { env: env() });
    const [[status], ...output] = await Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
    return { status: status as number, output: output.join("").trim() };
  };
  const savedIn = (file: string) => {
    if (!existsSync(file)) return undefined;
    const { sequences } = JSON.parse(readFileSync(file, "utf8")) as { readonly sequences: Record<string, number> };
    return sequences["wire"];
  };
  const newest = async () => {
    const answer = await registry.fetch("/-/package/wire/history?limit=1");
    return ((await answer.json()) as { history: { sequence: number }[] }).history[0]?.sequence ?? 0;
  };
  /** Runs the subscriber until it has handled the newest event, and interrupts it. */
  async function receive(): Promise<readonly ChangeEvent[]> {
    const last = await newest();
    const file = path.join(dir.path, `${language}.json`);
    const child = spawn(command, [subscriber, "stream", registry.url, file], {
      env: env(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const events: ChangeEvent[] = [];
    for await (const line of createInterface(child.stdout)) {
      const event = JSON.parse(line) as ChangeEvent;
      events.push(event);
      if (event.sequence < last) continue;
      // An event that was printed and not saved would be printed again.
      await vi.waitUntil(() => savedIn(file) === last, { timeout: 30_000 });
      child.kill("SIGINT");
    }
    return events;
  }

  test("the sender moves a tag once, however often it runs", async () => {
    const id = `${language}-1`;
    for (let run = 0; run < 2; run++)
      expect(await send(language, "1.1.0", id)).toEqual({ status: 0, output: `wire: ${language} is 1.1.0` });
    const answer = await registry.fetch("/-/package/wire/dist-tags/history?limit=200");
    const { history } = (await answer.json()) as { readonly history: readonly { readonly tag?: string }[] };
    expect(history.filter(({ tag }) => tag === language)).toHaveLength(1);
  });
  test("the sender prints why the registry refuses, and fails", async () => {
    const { status, output } = await send("next", "9.9.9", `${language}-2`);
    expect(status).toBe(1);
    expect(output).toContain("no version 9.9.9");
  });
  test("the subscriber prints every event once and in order, and continues where it stopped", async () => {
    const first = (await receive()).map(({ sequence }) => sequence);
    expect(first).toEqual(first.map((_, index) => index + 1));
    await send("beta", "1.0.0", `${language}-3`);
    const later = await receive();
    expect(later.map(({ sequence }) => sequence)).toEqual([first.length + 1]);
    expect(later.at(-1)).toMatchObject({ name: "wire", type: "tag.put", data: { tag: "beta", version: "1.0.0" } });
  });
});

test.skipIf(!hasPython)("the message of the sender in Python is valid by the contract", () => {
  const ajv = new Ajv({ strict: false });
  formats.default(ajv);
  const args = [example("python/tag_sender.py"), "-", "@acme/wire", "next", "1.1.0", "release-7"];
  const { stdout } = spawnSync(PYTHON, args, { env: env(), encoding: "utf8" });
  const validate = ajv.compile(contractDocument("message.schema.json"));
  expect(validate(JSON.parse(stdout)), JSON.stringify(validate.errors)).toBe(true);
});
