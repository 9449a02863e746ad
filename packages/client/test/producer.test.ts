import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ClientError,
  createProducer,
  messageGroup,
  SendError,
  type Entry,
  type NewChange,
  type Taken,
  type Transport,
} from "../src/index.ts";

const put = (id: string, name = "wire"): NewChange => ({ id, name, type: "tag.put", tag: "next", version: "1.0.0" });
const noPause = async () => undefined;
const now = () => new Date("2026-01-01T00:00:00.000Z");

/** A transport that records its calls and answers as `answer` says; by default it takes everything. */
function recording(
  answer: (entry: Entry, call: number) => Taken = () => ({ ok: true }),
  limits = { entries: 10, bytes: 10_000 },
) {
  const calls: string[][] = [];
  const bodies: string[] = [];
  const transport: Transport = {
    limits,
    async send(entries) {
      calls.push(entries.map(({ change }) => change.id));
      bodies.push(...entries.map(({ body }) => body));
      return entries.map((entry) => answer(entry, calls.length));
    },
  };
  return { transport, calls, bodies };
}

describe("a producer", () => {
  test("sends a change as the contract has it, with the schema's number and the time", async () => {
    const { transport, bodies } = recording();
    const sent = await createProducer({ transport, now }).send(put("a"));
    expect(sent).toEqual({ id: "a", name: "wire" });
    expect(JSON.parse(bodies[0] ?? "")).toEqual({ schema: 1, at: "2026-01-01T00:00:00.000Z", ...put("a") });
  });
  test("sends many in batches, in their order, with one change of a package in each", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 40 }), async (names) => {
        const { transport, calls } = recording(undefined, { entries: 3, bytes: 10_000 });
        const changes = names.map((name, index) => put(`${name}-${index}`, name));
        const sent = await Array.fromAsync(createProducer({ transport }).sendAll(changes));
        expect(sent.map(({ id }) => id)).toEqual(changes.map(({ id }) => id));
        expect(calls.flat()).toEqual(changes.map(({ id }) => id));
        for (const ids of calls) {
          expect(ids.length).toBeLessThanOrEqual(3);
          expect(new Set(ids.map((id) => id.split("-")[0])).size).toBe(ids.length);
        }
      }),
    );
  });
  test("reads the changes as it sends them", async () => {
    const { transport, calls } = recording(undefined, { entries: 2, bytes: 10_000 });
    let read = 0;
    const endless = function* () {
      for (;;) yield put(`id-${read}`, `p${read++}`);
    };
    const sent = createProducer({ transport }).sendAll(endless());
    await sent.next();
    await sent.return();
    expect(calls).toHaveLength(1);
    expect(read).toBeLessThanOrEqual(3);
  });
  test("a batch stays below the transport's bytes", async () => {
    const { transport, calls } = recording(undefined, { entries: 10, bytes: 200 });
    await Array.fromAsync(createProducer({ transport }).sendAll([put("a", "a"), put("b", "b"), put("c", "c")]));
    expect(calls.map((ids) => ids.length)).toEqual([1, 1, 1]);
  });
  test("sends again what was not taken, and only that, with the same id", async () => {
    const { transport, calls } = recording(({ change }, call) =>
      change.id === "b" && call < 3 ? { ok: false, code: "unavailable", reason: "throttled" } : { ok: true },
    );
    const changes = [put("a", "a"), put("b", "b"), put("c", "c")];
    const sent = await Array.fromAsync(createProducer({ transport, pause: noPause }).sendAll(changes));
    expect(calls).toEqual([["a", "b", "c"], ["b"], ["b"]]);
    expect(sent.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });
  test("gives up after its tries, names the change, and sends nothing after it", async () => {
    const { transport, calls } = recording(({ change }) =>
      change.id === "b" ? { ok: false, code: "unavailable", reason: "down" } : { ok: true },
    );
    const changes = [put("a", "a"), put("b", "b"), put("c", "b")];
    const error = await Array.fromAsync(createProducer({ transport, pause: noPause, tries: 2 }).sendAll(changes)).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(SendError);
    expect(error).toMatchObject({ code: "unavailable", change: { id: "b", name: "b" } });
    expect(calls).toEqual([["a", "b"], ["b"]]);
  });
  test("does not send again what is refused", async () => {
    const { transport, calls } = recording(() => ({ ok: false, code: "refused", reason: "no right" }));
    await expect(createProducer({ transport, pause: noPause }).send(put("a"))).rejects.toMatchObject({
      code: "refused",
    });
    expect(calls).toHaveLength(1);
  });
  test("a call that fails as a whole is made again", async () => {
    let calls = 0;
    const transport: Transport = {
      limits: { entries: 10, bytes: 10_000 },
      async send(entries) {
        if (++calls === 1) throw new ClientError("unavailable", "no answer");
        return entries.map(() => ({ ok: true }));
      },
    };
    expect(await createProducer({ transport, pause: noPause }).send(put("a"))).toMatchObject({ id: "a" });
  });
  test("refuses an id that the registry does not take, and a change that is too large", async () => {
    const { transport, calls } = recording(undefined, { entries: 10, bytes: 200 });
    const producer = createProducer({ transport });
    await expect(producer.send(put("no blanks"))).rejects.toMatchObject({ code: "invalid" });
    await expect(producer.send({ ...put("a"), why: { message: "x".repeat(300) } })).rejects.toMatchObject({
      code: "too_large",
    });
    expect(calls).toEqual([]);
  });
});

test("a long name has its SHA-256 as its message group", () => {
  expect(messageGroup("@acme/wire")).toBe("@acme/wire");
  expect(messageGroup(`@acme/${"x".repeat(200)}`)).toMatch(/^[0-9a-f]{64}$/);
});
