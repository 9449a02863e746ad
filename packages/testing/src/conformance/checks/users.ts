import { at, expectCode, expectStatus, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { skip } from "../skip.ts";
import { userPath, type Registry } from "../registry.ts";

const signIn = (registry: Registry, name: string, password: string) =>
  registry.send("PUT", userPath(name), { token: null, body: { name, password } });

const accept = (registry: Registry, body: object) => registry.send("POST", "/-/invitation", { token: null, body });

/** A user with a password, by an invitation. */
async function invited(registry: Registry): Promise<Record<"name" | "password" | "code", string>> {
  const [name, password] = [registry.word("invited"), registry.word("a long password")];
  const made = await registry.send("PUT", `/-/users/${name}/invitation`, { body: {} });
  if (made.status === 403 || made.status === 404) skip("the token is no administrator's, or there are no local users");
  const code = stringAt(expectStatus(made, 201).json, "code");
  expectStatus(await accept(registry, { name, code, password }), 201);
  return { name, password, code };
}

/** Users of one machine, and what administrators do with them. */
export const userChecks: readonly Check[] = [
  check("USR-1 USR-2", "an invitation lets its user choose a password, once", async (registry) => {
    const { name, password, code } = await invited(registry);
    expectStatus(await signIn(registry, name, password), 201);
    // 429: other checks of this address had wrong passwords.
    expectStatus(await accept(registry, { name, code, password: `${password}x` }), 403, 429);
    expectStatus(await signIn(registry, name, password), 201, 429);
  }),
  check("USR-3", "a reset ends the password and the tokens, and makes a code", async (registry) => {
    const { name, password } = await invited(registry);
    const token = stringAt(expectStatus(await signIn(registry, name, password), 201).json, "token");
    const reset = await registry.send("POST", `/-/users/${name}/reset`, { body: {} });
    stringAt(expectStatus(reset, 201).json, "code");
    expectStatus(await registry.get("/-/whoami", { token }), 401);
    expectStatus(await signIn(registry, name, password), 401);
  }),
  check("USR-4", "a disabled user is refused, also with a token from before, until enabled", async (registry) => {
    const { name, password } = await invited(registry);
    const token = stringAt(expectStatus(await signIn(registry, name, password), 201).json, "token");
    expectStatus(await registry.send("PUT", `/-/users/${name}/disabled`, { body: {} }), 200);
    expectStatus(await registry.get("/-/whoami", { token }), 401);
    expectCode(await signIn(registry, name, password), 403, "forbidden");
    expectStatus(await registry.send("DELETE", `/-/users/${name}/disabled`), 200);
    expectStatus(await signIn(registry, name, password), 201);
  }),
  check("USR-5", "the users are listed for administrators only", async (registry) => {
    const { name } = await invited(registry);
    const { json } = expectStatus(await registry.get("/-/users"), 200);
    const users = at(json, "users");
    if (!Array.isArray(users) || !users.some((user) => at(user, "name") === name))
      throw new Error(`${name} is missing`);
    expectStatus(await registry.get("/-/users", { token: await registry.secondToken() }), 403);
  }),
];
