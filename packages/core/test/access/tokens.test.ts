import { systemIds } from "@codebox/system";
import { createMemoryBackend, manualClock } from "@codebox/testing";
import { expect, test } from "vitest";
import { authenticate, issueToken } from "../../src/index.ts";

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
