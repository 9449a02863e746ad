import { afterEach, beforeEach, expect, test } from "vitest";
import { UpstreamUnavailable } from "../../src/index.ts";
import { upstreamFixture, type UpstreamFixture } from "./upstream-fixture.ts";

const HOUR = 60 * 60_000;
const KEYS = { keys: [{ keyid: "SHA256:a" }] };

let fixture: UpstreamFixture;
beforeEach(() => {
  fixture = upstreamFixture();
  fixture.answers.keys = KEYS;
});
afterEach(() => fixture.backend.close());

const keys = () => fixture.cache.signatures.keys();
const attestations = (name: string) => fixture.cache.signatures.attestations(name, "1.0.0");

test("keys and attestations are asked for once an hour", async () => {
  for (const wait of [0, HOUR - 1, 1]) {
    await fixture.clock.advance(wait);
    expect(await keys()).toEqual(KEYS);
    expect(await attestations("left")).toEqual({ attestations: [] });
  }
  expect(fixture.asked).toEqual(["keys", "attestations left@1.0.0", "keys", "attestations left@1.0.0"]);
});
test("what is absent is asked for every time: an attestation is published after its version", async () => {
  expect(await attestations("right")).toBeUndefined();
  expect(await attestations("right")).toBeUndefined();
  expect(fixture.asked).toHaveLength(2);
});
test("while the upstream is down, an old copy is answered, and without a copy it is a failure", async () => {
  await keys();
  await fixture.clock.advance(24 * HOUR);
  fixture.answers.down = true;
  expect(await keys()).toEqual(KEYS);
  await expect(attestations("left")).rejects.toThrow(UpstreamUnavailable);
});
test("the attestations of a package in a scope of ours are never asked for", async () => {
  expect(await attestations("@acme/wire")).toBeUndefined();
  expect(await attestations("@ACME/wire")).toBeUndefined();
  expect(fixture.asked).toEqual([]);
});
