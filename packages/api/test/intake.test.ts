import { BODY_BYTES_PER_SECOND, BODY_MS, UPLOAD_MS, ANONYMOUS_HELD_BYTES_MAX, HELD_BYTES_MAX } from "@codebox/core";
import { makeTarball, manualClock, type ManualClock } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createIntake } from "../src/intake.ts";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

const AUDIT = "/-/npm/v1/security/advisories/bulk";
const MiB = 1024 * 1024;

describe("the memory that bodies may take", () => {
  const intake = () => createIntake(manualClock());
  test("is half of all for one address, and all of it together", () => {
    const { open } = intake();
    const half = ANONYMOUS_HELD_BYTES_MAX / 2;
    const first = open({ address: "10.0.0.1", isNamed: false });
    first.hold(half);
    expect(() => first.hold(1)).toThrow("your address is sending too much at once");
    open({ address: "10.0.0.2", isNamed: false }).hold(half);
    expect(() => open({ address: "10.0.0.3", isNamed: false }).hold(1)).toThrow("the registry is receiving too much");
  });
  test("is free again when a request is answered, whatever it was refused", () => {
    const { open } = intake();
    for (let round = 0; round < 3; round++) {
      const request = open({ address: "10.0.0.1", isNamed: false });
      request.hold(ANONYMOUS_HELD_BYTES_MAX / 2);
      expect(() => request.hold(1)).toThrow();
      request.close();
    }
  });
  test("is apart for callers with a token, whom strangers do not crowd out", () => {
    const { open } = intake();
    for (const address of ["10.0.0.1", "10.0.0.2"])
      open({ address, isNamed: false }).hold(ANONYMOUS_HELD_BYTES_MAX / 2);
    expect(() => open({ address: "10.0.0.1", isNamed: true }).hold(HELD_BYTES_MAX / 2)).not.toThrow();
  });
});

describe("a body that does not arrive", () => {
  let clock: ManualClock;
  let registry: Harness;
  beforeEach(async () => {
    clock = manualClock();
    registry = await startApp({ clock });
  });
  afterEach(() => registry[Symbol.asyncDispose]());

  /** Sends a body of which only the first pieces come. `answer` is what the request is answered with, so far. */
  const stall = (method: string, path: string, pieces: readonly string[], headers: Record<string, string> = {}) => {
    const seen: { answer?: Response; taken: number } = { taken: 0 };
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const piece = pieces[seen.taken++];
          if (piece === undefined) return new Promise(() => {});
          controller.enqueue(Buffer.from(piece));
          return undefined;
        },
      },
      { highWaterMark: 0 },
    );
    const sent = { method, body, headers, duplex: "half" } as RequestInit;
    const answered = registry.app.request(`http://registry.test${path}`, sent);
    void Promise.resolve(answered).then((answer) => (seen.answer = answer));
    return { seen, allTaken: () => vi.waitFor(() => expect(seen.taken).toBe(pieces.length + 1)) };
  };
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

  test("is 408 after half a minute", async () => {
    const { seen, allTaken } = stall("POST", AUDIT, ['{"left":']);
    await allTaken();
    await clock.advance(BODY_MS - 1);
    await settled();
    expect(seen.answer).toBeUndefined();
    await clock.advance(1);
    await vi.waitFor(() => expect(seen.answer?.status).toBe(408));
    expect(registry.failures).toEqual([]);
  });
  test("has one second more for each 64 KiB", async () => {
    const { seen, allTaken } = stall("POST", AUDIT, ['{"left":[', `"${"1".repeat(BODY_BYTES_PER_SECOND)}",`]);
    await allTaken();
    await clock.advance(BODY_MS);
    await settled();
    expect(seen.answer).toBeUndefined();
    await clock.advance(2_000);
    await vi.waitFor(() => expect(seen.answer?.status).toBe(408));
  });
  test("has an hour when it is the tarball of a caller who may publish", async () => {
    const { bytes } = makeTarball({ name: "wire", version: "1.0.0" });
    const whole = JSON.stringify(publishBody("wire", "1.0.0"));
    const cut = whole.slice(0, whole.indexOf(bytes.toString("base64")) + 100);
    const staged = vi.spyOn(registry.ports.store, "put");
    const { seen } = stall("PUT", "/wire", [cut], { authorization: `Bearer ${registry.alice}` });
    await vi.waitFor(() => expect(staged).toHaveBeenCalled());
    await clock.advance(BODY_MS);
    await settled();
    expect(seen.answer).toBeUndefined();
    await clock.advance(UPLOAD_MS);
    await vi.waitFor(() => expect(seen.answer?.status).toBe(408));
    expect(await registry.keys()).toEqual([]);
  });
  test("of a publish without a token is refused before a byte of it is read", async () => {
    const { seen } = stall("PUT", "/wire", ["{"]);
    await vi.waitFor(() => expect(seen.answer?.status).toBe(401));
    expect(seen.taken).toBe(0);
  });
  test("of many strangers is refused once together they hold too much, and what they held is free again", async () => {
    const audit = `{"left":["${"1".repeat(700 * 1024)}",`;
    const many = Array.from({ length: 20 }, () => stall("POST", AUDIT, [audit]));
    const waiting = () => many.filter(({ seen }) => !seen.answer);
    const isBounded = () => expect(waiting().length * 700 * 1024).toBeLessThan(ANONYMOUS_HELD_BYTES_MAX / 2);
    await vi.waitFor(isBounded, { timeout: 20_000 });
    expect(many.map(({ seen }) => seen.answer?.status ?? 429).every((status) => status === 429)).toBe(true);
    for (let round = 0; round < 2; round++) await clock.advance(BODY_MS);
    await vi.waitFor(() => expect(many.every(({ seen }) => seen.answer)).toBe(true));
    const body = JSON.stringify({ left: ["1".repeat(MiB / 2)] });
    const later = await registry.app.request(`http://registry.test${AUDIT}`, { method: "POST", body });
    // There is no upstream that could be asked.
    expect(await errorOf(later)).not.toContain("too much");
  });
});
