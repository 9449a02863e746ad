import { expect, test } from "vitest";
import { can, SCOPED, type Subject } from "./subject.ts";
import { hasTerminal } from "./terminal.ts";
import type { Login } from "./words.ts";

const PASSWORD = "a long password";
const NO_TERMINAL = "no pseudo terminal: script of util-linux is missing";

/** Tests of signing in and of audits. */
export function accountTests(it: Subject): void {
  const { words } = it;

  const whoami = can(words.whoami);
  if (whoami)
    test("whoami says who", async () => {
      expect((await it.succeed(await it.source(SCOPED, "1.0.0"), whoami)).stdout).toContain("admin");
    });

  const login = can(words.login);
  if (login) {
    const stranger = () => it.at.project({ name: "hers", version: "1.0.0", license: "MIT" }, { signedIn: false });

    test("login makes an account and signs in; logout revokes the token", async ({ skip }) => {
      if (!hasTerminal) skip(NO_TERMINAL);
      const project = await stranger();
      it.at.recorder.take();
      const result = await project.type(login.args, login.prompts("carol", PASSWORD));
      expect(result.code, result.all).toBe(0);
      const signedIn = it.at.recorder.take().find(({ path }) => path.startsWith("/-/user/org.couchdb"));
      const { token } = JSON.parse(signedIn?.body ?? "{}") as { token?: string };
      const statusOfToken = async () =>
        (await it.at.registry.fetch("/-/whoami", { headers: { authorization: `Bearer ${token}` } })).status;
      if (whoami) expect((await it.succeed(project, whoami)).stdout).toContain("carol");
      const logout = can(words.logout);
      if (!logout) return;
      expect(await statusOfToken()).toBe(200);
      await it.succeed(project, logout);
      expect(await statusOfToken()).toBe(401);
    });

    test("login with a wrong password fails, and says that the password is wrong", async ({ skip }) => {
      if (!hasTerminal) skip(NO_TERMINAL);
      const result = await (await stranger()).type(login.args, login.prompts("admin", "a wrong password"));
      expect(result.code, result.all).not.toBe(0);
      expect(result.all).toMatch(/password/i);
      expect(result.all).not.toMatch(/token seems to be invalid/);
    });
  }

  if (login) accountOwnTests(it, login);

  const audit = can(words.audit);
  if (audit)
    test("audit reports the upstream's advisories", async () => {
      // npm 7 and 8 exit with 0 all the same.
      const result = await (await it.installed()).project.run(audit);
      expect(result.all).toContain("left leans to the left");
    });
  if (audit)
    test("audit fails when nobody checked", async () => {
      const { project } = await it.installed();
      it.at.upstream.answersAudits = false;
      const result = await project.run(audit);
      it.at.upstream.answersAudits = true;
      expect(result.code, result.all).not.toBe(0);
      expect(result.all).not.toMatch(/found 0 vulnerabilities|no known vulnerabilities|no audit suggestions/i);
    });
}

/** Tests of what a person does with an account of their own. */
function accountOwnTests(it: Subject, login: Login): void {
  const signedIn = async (name: string) => {
    const project = await it.at.project({ name: "hers", version: "1.0.0", license: "MIT" }, { signedIn: false });
    const result = await project.type(login.args, login.prompts(name, PASSWORD));
    expect(result.code, result.all).toBe(0);
    return project;
  };

  const token = can(it.words.token);
  if (token)
    test("a token is created with the password, listed and revoked", async ({ skip }) => {
      if (!hasTerminal) skip(NO_TERMINAL);
      const project = await signedIn("dave");
      it.at.recorder.take();
      const created = await project.type(token.create, [[/password/i, PASSWORD]]);
      expect(created.code, created.all).toBe(0);
      const answer = it.at.recorder.take().find(({ path, status }) => path === "/-/npm/v1/tokens" && status === 201);
      const made = JSON.parse(answer?.body ?? "{}") as { key: string; token: string };
      expect((await it.succeed(project, token.list)).stdout).toContain(made.key.slice(0, 6));
      await it.succeed(project, token.revoke(made.token));
      expect((await it.succeed(project, token.list)).stdout).not.toContain(made.key.slice(0, 6));
    });

  const profile = can(it.words.profile);
  if (profile)
    test("profile get shows the account", async ({ skip }) => {
      if (!hasTerminal) skip(NO_TERMINAL);
      expect((await it.succeed(await signedIn("erin"), profile)).stdout).toContain("erin");
    });
}
