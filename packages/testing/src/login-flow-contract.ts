import { expect, test } from "vitest";
import type { LoginFlow } from "@codebox/core";

export type LoginFlowFixture = AsyncDisposable & {
  readonly flow: LoginFlow;
  /** The person signs in at the provider as this user, behind this `loginUrl`. */
  readonly approve: (loginUrl: string, user: string) => Promise<void>;
  /** The person refuses at the provider. */
  readonly refuse: (loginUrl: string) => Promise<void>;
  /** Lets a login's lifetime pass. */
  readonly afterLifetime: () => Promise<void>;
};

/** What every login flow must do. Source of the URL rules: npm-profile, webAuth. */
export function loginFlowContract(open: () => Promise<LoginFlowFixture>): void {
  const rule = (name: string, check: (fixture: LoginFlowFixture) => Promise<void>) =>
    test(name, async () => {
      await using fixture = await open();
      await check(fixture);
    });
  rule("both URLs of a login are absolute http(s) URLs", async ({ flow }) => {
    const { loginUrl, doneUrl } = await flow.begin();
    for (const url of [loginUrl, doneUrl]) expect(new URL(url).protocol).toMatch(/^https?:$/);
  });
  rule("the page that the person opens does not carry the session's secret", async ({ flow }) => {
    const { session, loginUrl } = await flow.begin();
    expect(decodeURIComponent(loginUrl)).not.toContain(session);
  });
  rule("a login is pending until the person signed in, and then completes once", async ({ flow, approve }) => {
    const { session, loginUrl } = await flow.begin();
    expect(await flow.complete(session)).toEqual({ state: "pending" });
    await approve(loginUrl, "alice");
    expect(await flow.complete(session)).toEqual({ state: "identity", name: "alice" });
    expect(await flow.complete(session)).toEqual({ state: "failed", reason: "expired" });
  });
  rule("a login that the person refused has failed", async ({ flow, refuse }) => {
    const { session, loginUrl } = await flow.begin();
    await refuse(loginUrl);
    expect(await flow.complete(session)).toEqual({ state: "failed", reason: "refused" });
  });
  rule("signing in completes only the login that began it", async ({ flow, approve }) => {
    const [mine, other] = [await flow.begin(), await flow.begin()];
    await approve(mine.loginUrl, "alice");
    expect(await flow.complete(other.session)).toEqual({ state: "pending" });
    expect(await flow.complete(mine.session)).toMatchObject({ name: "alice" });
  });
  rule("a login ends with its lifetime", async ({ flow, approve, afterLifetime }) => {
    const { session, loginUrl } = await flow.begin();
    await afterLifetime();
    await approve(loginUrl, "alice");
    expect(await flow.complete(session)).toEqual({ state: "failed", reason: "expired" });
  });
  rule("an unknown session has failed", async ({ flow }) => {
    expect(await flow.complete("nobody")).toEqual({ state: "failed", reason: "expired" });
  });
}
