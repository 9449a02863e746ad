import { createMemoryBackend, type MemoryBackend, openPolicy } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock, systemIds } from "@codebox/system";
import { changeOf, countingStore, publishOf, stage, tagPut } from "@codebox/testing";
import {
  createConsumer,
  createPackumentReader,
  createSubmit,
  indexKey,
  stateOf,
  tarballKey,
  type EventLog,
  type ObjectStore,
  type Packument,
} from "../../src/index.ts";

let embedded: MemoryBackend;
beforeEach(async () => {
  embedded = createMemoryBackend({ clock: systemClock });
});
afterEach(() => embedded.close());

const consumerOver = (store: ObjectStore, events: EventLog = embedded.events) =>
  createConsumer({
    store,
    policy: openPolicy,
    events,
    outcomes: embedded.outcomes,
    reader: createPackumentReader(store),
    clock: systemClock,
  });
const document = async (): Promise<Packument> => {
  const found = await embedded.store.get(indexKey("wire"));
  return found?.notModified === false
    ? (JSON.parse(Buffer.from(found.bytes).toString()) as Packument)
    : expect.fail("no document");
};
const published = async (...versions: string[]) => {
  for (const version of versions) {
    const change = publishOf("wire", version);
    await stage(embedded.store, change);
    await consumerOver(embedded.store)("wire", [change]);
  }
};
const emitted = async () => (await embedded.events.read(0, 1_000)).map(({ event }) => event);
/** A store in which something happens before its n-th conditional write of the document. */
const meddled = (before: (attempt: number) => Promise<void>): ObjectStore => {
  let attempt = 0;
  return {
    ...embedded.store,
    async put(key, body, options) {
      if (key === indexKey("wire")) await before(++attempt);
      return embedded.store.put(key, body, options);
    },
  };
};

describe("the consumer", () => {
  test("applies a batch with one read and one conditional write", async () => {
    await published("1.0.0");
    const store = countingStore(embedded.store);
    await consumerOver(store)(
      "wire",
      Array.from({ length: 10 }, (_, index) => tagPut("wire", `t-${index}`, "1.0.0")),
    );
    expect(store.calls.map(({ operation }) => operation)).toEqual(["get", "put"]);
    expect(Object.keys((await document())["dist-tags"])).toHaveLength(11);
  });
  test("writes nothing when nothing changes", async () => {
    await published("1.0.0");
    const store = countingStore(embedded.store);
    const [outcome] = await consumerOver(store)("wire", [tagPut("wire", "next", "9.0.0")]);
    expect(outcome).toMatchObject({ state: "rejected", rejection: { code: "not_found" } });
    expect(store.calls.map(({ operation }) => operation)).toEqual(["get"]);
  });
  test("reads and applies again when somebody else wrote in between, and keeps what the other wrote", async () => {
    await published("1.0.0");
    const store = meddled(async (attempt) => {
      if (attempt === 1)
        await embedded.store.put(
          indexKey("wire"),
          Buffer.from(JSON.stringify({ ...(await document()), foreign: true })),
        );
    });
    await consumerOver(store)("wire", [tagPut("wire", "next", "1.0.0")]);
    expect(await document()).toMatchObject({ foreign: true, "dist-tags": { latest: "1.0.0", next: "1.0.0" } });
  });
  test("gives up after a bounded number of lost writes, and leaves the change to redelivery", async () => {
    await published("1.0.0");
    let lost = 0;
    const store = meddled(async (attempt) => {
      lost = attempt;
      await embedded.store.put(
        indexKey("wire"),
        Buffer.from(JSON.stringify({ ...(await document()), foreign: attempt })),
      );
    });
    const clock = { ...systemClock, sleep: async () => {} };
    const consumer = createConsumer({
      ...embedded,
      policy: openPolicy,
      store,
      reader: createPackumentReader(store),
      clock,
    });
    await expect(consumer("wire", [tagPut("wire", "next", "1.0.0")])).rejects.toThrow("changed 12 times");
    expect(lost).toBe(12);
  });
  test("a crash between write and event: delivered again, the change is applied once, and its event goes out", async () => {
    await published("1.0.0");
    const change = tagPut("wire", "next", "1.0.0", "x");
    const down: EventLog = { publish: () => Promise.reject(new Error("down")) };
    await expect(consumerOver(embedded.store, down)("wire", [change])).rejects.toThrow("down");
    expect((await emitted()).map(({ id }) => id)).not.toContain("x");
    const [outcome] = await consumerOver(embedded.store)("wire", [change]);
    expect(outcome).toMatchObject({ state: "applied", sequence: 2 });
    expect((await emitted()).map(({ id, sequence }) => [id, sequence])).toContainEqual(["x", 2]);
    expect(stateOf(await document()).sequence).toBe(2);
  });
  test("events that were never confirmed go out with the package's next change, also from another instance", async () => {
    await published("1.0.0");
    const down: EventLog = { publish: () => Promise.reject(new Error("down")) };
    await expect(consumerOver(embedded.store, down)("wire", [tagPut("wire", "a", "1.0.0")])).rejects.toThrow("down");
    await consumerOver(embedded.store)("wire", [tagPut("wire", "b", "1.0.0")]);
    expect((await emitted()).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });
  test("the next write leaves out the events that this instance emitted", async () => {
    const publish = publishOf("wire", "1.0.0");
    await stage(embedded.store, publish);
    const consumer = consumerOver(embedded.store);
    await consumer("wire", [publish]);
    await consumer("wire", [tagPut("wire", "next", "1.0.0", "x")]);
    expect(stateOf(await document()).outbox.map(({ id }) => id)).toEqual(["x"]);
  });
  test("a publish whose staged tarball is gone is refused, and the rest of its batch is applied", async () => {
    await published("1.0.0");
    const outcomes = await consumerOver(embedded.store)("wire", [
      publishOf("wire", "2.0.0"),
      tagPut("wire", "next", "1.0.0"),
    ]);
    expect(outcomes.map(({ state }) => state)).toEqual(["rejected", "applied"]);
    expect(outcomes[0]).toMatchObject({ rejection: { code: "tarball_missing" } });
    expect(Object.keys((await document()).versions)).toEqual(["1.0.0"]);
  });
  test("a tarball that a crash left at the final key is replaced", async () => {
    await embedded.store.put(tarballKey("wire", "1.0.0"), Buffer.from("leftover"));
    await published("1.0.0");
    expect((await embedded.store.head(tarballKey("wire", "1.0.0")))?.size).toBe(
      publishOf("wire", "1.0.0").tarball.size,
    );
  });
  test("a publish removes its staged tarball, an unpublish the versions' tarballs", async () => {
    await published("1.0.0", "2.0.0");
    expect((await embedded.store.list("_codebox/")).objects).toEqual([]);
    await consumerOver(embedded.store)("wire", [changeOf("unpublish.versions", "wire", { versions: ["1.0.0"] })]);
    expect((await embedded.store.list("wire/")).objects.map(({ key }) => key)).toEqual([
      "wire/2.0.0.tgz",
      "wire/index.json",
    ]);
  });
  test("an unpublish that is delivered again finishes its clean-up", async () => {
    await published("1.0.0", "2.0.0");
    const change = changeOf("unpublish.versions", "wire", { versions: ["1.0.0"] });
    const failing: ObjectStore = { ...embedded.store, delete: () => Promise.reject(new Error("down")) };
    await expect(consumerOver(failing)("wire", [change])).rejects.toThrow("down");
    await consumerOver(embedded.store)("wire", [change]);
    expect(await embedded.store.head(tarballKey("wire", "1.0.0"))).toBeUndefined();
  });
  test("a damaged document is not overwritten", async () => {
    await embedded.store.put(indexKey("wire"), Buffer.from("{ not json"));
    await expect(consumerOver(embedded.store)("wire", [tagPut("wire", "next", "1.0.0")])).rejects.toThrow(SyntaxError);
    expect((await embedded.store.head(indexKey("wire")))?.size).toBe("{ not json".length);
  });
});

describe("submit", () => {
  const submitting = () =>
    createSubmit({
      policy: openPolicy,
      reader: createPackumentReader(embedded.store),
      queue: embedded.queue,
      outcomes: embedded.outcomes,
      clock: systemClock,
      ids: systemIds,
    });
  const principal = { kind: "user", name: "alice" } as const;

  test("a change that the package refuses now is answered at once, and not queued", async () => {
    await published("1.0.0");
    const submission = await submitting()(
      { type: "tag.put", name: "wire", tag: "next", version: "9.0.0" },
      { principal },
    );
    expect(submission).toMatchObject({
      kind: "settled",
      outcome: { state: "rejected", rejection: { code: "not_found" } },
    });
    expect(embedded.queue.isEmpty()).toBe(true);
  });
  test.each([
    ["tag", { type: "tag.put", name: "wire", tag: "1.x", version: "1.0.0" }, "semver range"],
    ["tag", { type: "tag.put", name: "wire", tag: "__proto__", version: "1.0.0" }, "not legal"],
    ["tag", { type: "tag.put", name: "wire", tag: "../up", version: "1.0.0" }, "not legal"],
    ["tag", { type: "tag.put", name: "wire", tag: "t".repeat(300), version: "1.0.0" }, "at most"],
    ["version", { type: "tag.put", name: "wire", tag: "next", version: "^1.0.0" }, "not an exact semver version"],
    ["name", { type: "tag.put", name: "../../etc", tag: "next", version: "1.0.0" }, "period"],
  ] as const)("a malformed %s is invalid, and the message says why: %o", async (_, draft, words) => {
    await published("1.0.0");
    const submission = await submitting()(draft, { principal });
    expect(submission).toMatchObject({
      outcome: { rejection: { code: "invalid", message: expect.stringContaining(words) as string } },
    });
  });
  test("without an outcome in time the change is accepted, queued, and its status pending", async () => {
    await published("1.0.0");
    const submission = await submitting()(
      { type: "tag.put", name: "wire", tag: "next", version: "1.0.0" },
      { principal, id: "x", waitMs: 1 },
    );
    expect(submission).toEqual({ kind: "accepted", id: "x", name: "wire" });
    expect(await embedded.outcomes.find("x")).toEqual({ state: "pending", id: "x", name: "wire" });
  });
  test("a change with an id that was applied before is answered like the first, and not queued", async () => {
    await published("1.0.0");
    await consumerOver(embedded.store)("wire", [tagPut("wire", "next", "1.0.0", "x")]);
    const submission = await submitting()(
      { type: "tag.put", name: "wire", tag: "next", version: "1.0.0" },
      { principal, id: "x" },
    );
    expect(submission).toMatchObject({ kind: "settled", outcome: { state: "applied", sequence: 2, revision: 2 } });
    expect(embedded.queue.isEmpty()).toBe(true);
  });
});
