import { systemClock } from "@codebox/system";
import { approvalOf, changeOf, createMemoryBackend, openPolicy, publishOf, stage, stageOf } from "@codebox/testing";
import type { MemoryBackend } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createConsumer,
  stagedContentKey,
  tarballKey,
  type Change,
  type Consumer,
  type ObjectStore,
} from "../../src/index.ts";

const staging = stageOf("wire", "2.0.0");
let embedded: MemoryBackend;
let consume: Consumer;
const over = (store: Partial<ObjectStore> = {}): Consumer =>
  createConsumer({ ...embedded, store: { ...embedded.store, ...store }, policy: openPolicy, clock: systemClock });
beforeEach(async () => {
  embedded = createMemoryBackend({ clock: systemClock });
  consume = over();
  await stage(embedded.store, staging);
  await embedded.store.put(stagedContentKey(staging.stage), Buffer.from("{}"));
  expect(await consume("wire", [staging])).toMatchObject([{ state: "applied" }]);
});
afterEach(() => embedded.close());

const has = async (key: string) => (await embedded.store.head(key)) !== undefined;
const staged = () => Promise.all([staging.tarball.staging, stagedContentKey(staging.stage)].map(has));
const byService = (change: Change): Change => ({ ...change, actor: { kind: "service", name: "robot" } });

describe("what was staged", () => {
  test("stays while the version waits, and is gone after its approval, which has the same bytes", async () => {
    expect(await staged()).toEqual([true, true]);
    const { checksum } = (await embedded.store.head(staging.tarball.staging)) ?? {};
    await consume("wire", [approvalOf(staging, "bob")]);
    expect(await staged()).toEqual([false, false]);
    expect((await embedded.store.head(tarballKey("wire", "2.0.0")))?.checksum).toBe(checksum);
  });
  test("is gone after a rejection", async () => {
    await consume("wire", [changeOf("stage.reject", "wire", { stage: staging.stage })]);
    expect(await staged()).toEqual([false, false]);
  });
  test.each<[string, Change]>([
    ["an approval of something else", { ...approvalOf(staging), tags: ["next"] }],
    ["a rejection by a service", byService(changeOf("stage.reject", "wire", { stage: staging.stage }))],
    ["a rejection in another package", changeOf("stage.reject", "left", { stage: staging.stage })],
    [
      "a publish by a service that names its tarball",
      byService({ ...publishOf("wire", "3.0.0"), tarball: staging.tarball }),
    ],
    ["a staging by a service under its id", byService({ ...stageOf("wire", "3.0.0", { stage: staging.stage }) })],
  ])("stays after %s was refused", async (_, change) => {
    expect(await consume(change.name, [change])).toMatchObject([{ state: "rejected" }]);
    expect(await staged()).toEqual([true, true]);
  });
});

test("an approval that is delivered again after a crash before the clean-up publishes once, and cleans up", async () => {
  const approval = approvalOf(staging, "bob");
  const failing = over({ delete: () => Promise.reject(new Error("crash")) });
  await expect(failing("wire", [approval])).rejects.toThrow("crash");
  expect(await staged()).toEqual([true, true]);
  const outcomes = await consume("wire", [approval, approvalOf(staging, "carol")]);
  expect(outcomes.map(({ state }) => state)).toEqual(["applied", "rejected"]);
  expect(await staged()).toEqual([false, false]);
  const events = (await embedded.events.read(0, 100)).filter(({ event }) => event.type === "publish");
  expect(new Set(events.map(({ event }) => event.id))).toEqual(new Set([approval.id]));
});
