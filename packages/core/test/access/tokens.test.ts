import { systemIds } from "@codebox/system";
import { createMemoryBackend, manualClock } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import { authenticate, defaultExpiry, expiryOf, issueToken } from "../../src/index.ts";

test("a token authenticates until it expires, and not afterwards", async () => {
  const clock = manualClock("2026-01-01T00:00:00.000Z");
  const { tokens } = createMemoryBackend({ clock });
  const grant = { user: "alice", readonly: false, label: "ci", created: "2026-01-01T00:00:00.000Z" };
  const token = await issueToken({ tokens, ids: systemIds }, { ...grant, expires: "2026-01-01T00:01:00.000Z" });
  expect(await authenticate({ tokens, clock }, token)).toMatchObject({ name: "alice" });
  await clock.advance(60_000);
  expect(await authenticate({ tokens, clock }, token)).toBeUndefined();
});

test("a token whose expiry cannot be read does not authenticate", async () => {
  const clock = manualClock();
  const { tokens } = createMemoryBackend({ clock });
  const grant = { user: "alice", readonly: false, label: "ci", created: "2026-01-01T00:00:00.000Z", expires: "soon" };
  const token = await issueToken({ tokens, ids: systemIds }, grant);
  expect(await authenticate({ tokens, clock }, token)).toBeUndefined();
});

describe("the lifetime of a new token", () => {
  // oxlint-disable-next-line no-restricted-globals -- a fixed time
  const now = new Date("2026-01-01T00:00:00.000Z");
  test.each([
    [{ defaultDays: 0, maxDays: 0 }, undefined],
    [{ defaultDays: 2, maxDays: 0 }, "2026-01-03T00:00:00.000Z"],
    [{ defaultDays: 2, maxDays: 1 }, "2026-01-02T00:00:00.000Z"],
    [{ defaultDays: 0, maxDays: 1 }, "2026-01-02T00:00:00.000Z"],
  ])("that nobody asked for is the default, at most the largest: %o", (lifetimes, expires) => {
    expect(defaultExpiry(lifetimes, now)).toBe(expires);
  });
  test("that was asked for may be longer than the default, not than the largest", () => {
    expect(expiryOf(3, { defaultDays: 2, maxDays: 3 }, now)).toEqual({ ok: true, expires: "2026-01-04T00:00:00.000Z" });
    expect(expiryOf(4, { defaultDays: 2, maxDays: 3 }, now)).toMatchObject({ ok: false });
    expect(expiryOf(4, { defaultDays: 2, maxDays: 0 }, now)).toMatchObject({ ok: true });
  });
});
