import { createMemoryBackend, manualClock } from "@codebox/testing";
import { beforeEach, expect, test } from "vitest";
import { issueToken, createAccounts, type Accounts } from "../../src/index.ts";
import { systemIds } from "@codebox/system";

const github = { id: "github", ownsNames: true } as const;
const oidc = { id: "oidc", ownsNames: false } as const;
const account = (subject: string, name: string) => ({ subject, name, groups: [] });
const settings = { reserved: ["admin"], configured: ["root"] };
let backend: ReturnType<typeof createMemoryBackend>;
let accounts: Accounts;
beforeEach(() => {
  backend = createMemoryBackend({ clock: manualClock() });
  accounts = createAccounts(backend, settings);
});

test("an account becomes the user of its name, and stays it after a rename at the provider", async () => {
  expect(await accounts.bind(github, account("1", "alice"))).toBe("alice");
  expect(await accounts.bind(github, account("1", "alice-renamed"))).toBe("alice");
});
test("who registers a renamed or deleted account's name becomes another user", async () => {
  await accounts.bind(github, account("1", "alice"));
  await accounts.bind(github, account("1", "alice-renamed"));
  expect(await accounts.bind(github, account("2", "alice"))).toBe("alice-2");
  expect(await accounts.bind(github, account("2", "Alice"))).toBe("alice-2");
  expect(await accounts.bind(github, account("3", "ALICE"))).toBe("ALICE-3");
});
test("the same subject at another provider is another user", async () => {
  await accounts.bind(github, account("1", "alice"));
  expect(await accounts.bind(oidc, account("1", "alice"))).toBe("alice-1");
});
test.each(["bob", "Bob"])("an account never becomes a local user or the holder of a token (%s)", async (name) => {
  await issueToken(
    { tokens: backend.tokens, ids: systemIds },
    { user: "bob", readonly: false, label: "", created: "" },
  );
  expect(await accounts.bind(github, account("7", name))).toBe(`${name}-7`);
});
test("reserved names are nobody's; names of the settings only of a provider that owns its names", async () => {
  expect(await accounts.bind(github, account("1", "Admin"))).toBe("Admin-1");
  expect(await accounts.bind(oidc, account("2", "Root"))).toBe("Root-2");
  expect(await accounts.bind(github, account("3", "root"))).toBe("root");
});
test("a name that is no user name here is cleaned, and its subject makes it unique", async () => {
  expect(await accounts.bind(oidc, account("abc", "Zoë Ångström"))).toBe("Zo---ngstr-m-abc");
  expect(await accounts.bind(oidc, account("../../x", "…"))).toMatch(/^user-[0-9a-f]{16}$/);
});
test("of many first sign-ins at once, each account is one user", async () => {
  const users = await Promise.all(
    Array.from({ length: 12 }, (_, index) => accounts.bind(github, account(String(index % 3), "alice"))),
  );
  expect(new Set(users).size).toBe(3);
  for (const [index, user] of users.entries()) expect(user).toBe(users[index % 3]);
});
test("a crash between the two writes of a first sign-in leaves the name to its account", async () => {
  let puts = 0;
  const crashing = {
    ...backend.store,
    put: (...args: Parameters<typeof backend.store.put>) =>
      ++puts === 2 ? Promise.reject(new Error("crash")) : backend.store.put(...args),
  };
  const broken = createAccounts({ ...backend, store: crashing }, settings);
  await expect(broken.bind(github, account("1", "alice"))).rejects.toThrow("crash");
  expect(await accounts.bind(github, account("2", "alice"))).toBe("alice-2");
  expect(await accounts.bind(github, account("1", "alice"))).toBe("alice");
});
