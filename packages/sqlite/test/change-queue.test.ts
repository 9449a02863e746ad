import { fail, manualClock, tagPut } from "@codebox/testing";
import { expect, test } from "vitest";
import { openSqlite } from "../src/index.ts";

async function open() {
  const clock = manualClock();
  const backend = await openSqlite({ directory: ":memory:", onFailure: fail, clock });
  const { queue, database } = backend;
  return {
    clock,
    queue,
    receive: () => queue.receive({ max: 10, signal: AbortSignal.timeout(10_000) }),
    setBody: (id: string, body: string) =>
      database.write(() => database.run("UPDATE changes SET body = ? WHERE id = ?", body, id)),
    [Symbol.asyncDispose]: () => backend.close(),
  };
}

test("the pause of a group that keeps failing grows to 30 seconds, and a success resets it", async () => {
  await using fixture = await open();
  const { clock, queue, receive } = fixture;
  const pauses: number[] = [];
  const sleep = clock.sleep;
  clock.sleep = (ms, signal) => (pauses.push(ms), sleep(ms, signal));
  await queue.send(tagPut("wire", "next", "1.0.0", "a"));
  const failOnce = async () => {
    const batch = await receive();
    if (batch) await queue.release(batch);
    await clock.advance(30_000);
  };
  for (let turn = 0; turn < 12; turn++) await failOnce();
  expect(pauses.slice(0, 3)).toEqual([50, 100, 200]);
  expect(pauses.slice(-2)).toEqual([30_000, 30_000]);
  const batch = await receive();
  if (batch) await queue.acknowledge(batch);
  await queue.send(tagPut("wire", "next", "1.0.0", "b"));
  await failOnce();
  expect(pauses.at(-1)).toBe(50);
});

test("a row that is no change goes to the dead letters with the reason, and its group continues", async () => {
  await using fixture = await open();
  const { queue, receive, setBody } = fixture;
  for (const id of ["a", "b", "c"]) await queue.send(tagPut("wire", "next", "1.0.0", id));
  await setBody("a", "not json");
  await setBody("b", JSON.stringify({ ...tagPut("wire", "next", "1.0.0", "b"), version: "latest" }));
  expect((await receive())?.messages.map(({ change }) => change.id)).toEqual(["c"]);
  expect(await Array.fromAsync(queue.list())).toMatchObject([
    { id: "a", group: "wire", body: "not json", reason: "the body is not JSON" },
    { id: "b", group: "wire", reason: expect.stringContaining('version: "latest"') as string },
  ]);
});

test("a dead letter that is still no change returns to the dead letters after a redrive", async () => {
  await using fixture = await open();
  const { clock, queue, receive, setBody } = fixture;
  await queue.send(tagPut("wire", "next", "1.0.0", "a"));
  await setBody("a", "{}");
  await queue.send(tagPut("wire", "next", "1.0.0", "b"));
  const first = await receive();
  if (first) await queue.acknowledge(first);
  expect(await queue.redrive("a")).toBe(true);
  await queue.send(tagPut("wire", "next", "1.0.0", "c"));
  await clock.advance(0);
  expect((await receive())?.messages.map(({ change }) => change.id)).toEqual(["c"]);
  expect(await Array.fromAsync(queue.list())).toMatchObject([{ id: "a" }]);
});
