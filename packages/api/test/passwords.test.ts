import type { VerifyResult } from "@codebox/core";
import { manualClock } from "@codebox/testing";
import { expect, test } from "vitest";
import { createPasswords } from "../src/passwords.ts";

function setup() {
  const clock = manualClock();
  const checked: string[] = [];
  const verify = async ({ name, password }: { name: string; password: string }): Promise<VerifyResult> => {
    checked.push(password);
    return password === "right" ? { ok: true, profile: { name, email: "" } } : { ok: false, reason: "wrong_password" };
  };
  const passwords = createPasswords({ identities: { verify }, clock });
  const ask = (password: string) => passwords.verify({ address: "10.0.0.1", name: "alice" }, password);
  return { clock, checked, passwords, ask };
}

test("a right password is checked once a minute, however often it is sent", async () => {
  const { clock, checked, ask } = setup();
  for (let turn = 0; turn < 3; turn++) expect(await ask("right")).toMatchObject({ ok: true });
  expect(checked).toEqual(["right"]);
  await clock.advance(60_000);
  expect(await ask("right")).toMatchObject({ ok: true });
  expect(checked).toEqual(["right", "right"]);
});
test("a wrong password is checked every time, also beside a remembered right one", async () => {
  const { checked, ask } = setup();
  await ask("right");
  expect(await ask("wrong")).toMatchObject({ ok: false });
  expect(await ask("wrong")).toMatchObject({ ok: false });
  expect(checked).toEqual(["right", "wrong", "wrong"]);
});
test("wrong passwords make the address wait", async () => {
  const { ask } = setup();
  for (let turn = 0; turn < 5; turn++) await ask("wrong");
  await expect(ask("right")).rejects.toThrow("too many wrong passwords");
});
test("requests that send the right password at once share one check, and none of them has to wait", async () => {
  const { checked, ask } = setup();
  const results = await Promise.all(Array.from({ length: 50 }, () => ask("right")));
  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(checked).toEqual(["right"]);
});
test("a password that was changed is no longer remembered", async () => {
  const { checked, passwords, ask } = setup();
  await ask("right");
  passwords.forget("alice");
  await ask("right");
  expect(checked).toEqual(["right", "right"]);
});
