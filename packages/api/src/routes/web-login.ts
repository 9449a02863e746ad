import {
  ageOf,
  LOGINS_ADDRESS_MAX,
  LOGINS_MAX,
  SESSION_MS,
  unseal,
  UserName,
  type Clock,
  type OpenSession,
  type SessionResult,
} from "@codebox/core";
import { html } from "hono/html";
import * as z from "zod";
import { demand } from "../auth.ts";
import { readOptionalJson } from "../body.ts";
import type { AccountPorts, ApiSettings, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { readForm } from "../forms.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { escaped } from "../loggable.ts";
import { asPage, page } from "../pages.ts";
import { CREDENTIALS_BYTES_MAX, issueLogin, parseBody, refusedLogin } from "./sign-in.ts";
import { closed, signedInPage, signInPage, type WebLoginPorts } from "./web-login-pages.ts";
import { providerRoutes } from "./web-login-provider.ts";

/** Seconds after which a client asks again whether the person signed in. npm asks without a pause when it is absent. */
const POLL_SECONDS = "2";

type LoginSettings = Pick<ApiSettings, "tokenLifetimes">;

/**
 * Signing in with a browser: the client opens a session, the person signs in on its page, the client polls for the token.
 * Source: npm-profile lib/index.js, webAuth.
 */
export const webLoginRoutes = (ports: AccountPorts, settings: LoginSettings): RouteGroup => {
  const { webLogin } = ports;
  if (!webLogin)
    return routeGroup("sign-in", (on) => {
      // A 4xx makes npm ask for user and password instead.
      on.post("/-/v1/login", () => {
        throw new ApiError("not_found", "this registry has no web login; npm asks for user and password");
      });
    });
  const known = { ...ports, webLogin };
  const pages = pageRoutes(known);
  const client = clientRoutes(known, settings);
  return { right: "sign-in", routes: [...client.routes, ...pages.routes, ...providerRoutes(known).routes] };
};

const NewLogin = z.looseObject({ create: z.boolean().optional() });

/** What the client asks. */
const clientRoutes = (ports: WebLoginPorts, settings: LoginSettings): RouteGroup =>
  routeGroup("sign-in", (on) => {
    const { webLogin, clock, addressOf } = ports;
    const admit = createAdmission(clock);

    on.post("/-/v1/login", async (c) => {
      // yarn sends no body.
      const { create } = parseBody(NewLogin, (await readOptionalJson(c, CREDENTIALS_BYTES_MAX)) ?? {});
      if (create)
        throw new ApiError("not_found", "accounts are not made in the browser; npm asks for user and password");
      const address = addressOf?.(c);
      admit(address ?? "unknown");
      const agent = escaped(c.req.header("user-agent") ?? "unknown").slice(0, 200);
      const about = { agent, at: clock.now().toISOString(), ...(address === undefined ? {} : { address }) };
      const { id, secret } = await webLogin.sessions.begin("login", about);
      const origin = c.get("origin");
      return c.json({ loginUrl: `${origin}/-/login/${id}`, doneUrl: `${origin}/-/v1/done/${secret}` });
    });

    on.get("/-/v1/done/:secret", async (c) => {
      const secret = c.req.param("secret");
      const result = await webLogin.sessions.complete("login", secret);
      if (result.state === "pending") return c.json({}, 202, { "retry-after": POLL_SECONDS });
      if (result.state === "identity") return c.json({ token: await tokenFor(c, ports, settings, secret, result) });
      throw result.reason === "refused"
        ? new ApiError("forbidden", "this login was refused in the browser")
        : new ApiError("not_found", "this login is unknown, too old or done already; begin again");
    });
  });

/** The session's secret opens the provider's token, which is then sealed for the new token. */
async function tokenFor(
  c: AppContext,
  ports: WebLoginPorts,
  settings: LoginSettings,
  secret: string,
  { name, found }: Extract<SessionResult, { state: "identity" }>,
): Promise<string> {
  await ports.policy.refresh?.();
  demand(ports.policy.may({ kind: "user", name, ...(found ? { groups: found.groups } : {}) }, "account"));
  if (!found) return issueLogin(c, ports, settings, { name });
  const { sealed, ...account } = found;
  const providerToken = sealed === undefined ? undefined : unseal(secret, sealed);
  return issueLogin(c, ports, settings, {
    name,
    found: account,
    ...(providerToken === undefined ? {} : { providerToken }),
  });
}

/** What the person sees. */
const pageRoutes = (ports: WebLoginPorts): RouteGroup =>
  routeGroup("sign-in", (on) => {
    const { sessions, passwords } = ports.webLogin;

    on.get(
      "/-/login/:id",
      asPage(async (c) => {
        const id = c.req.param("id");
        return signInPage(c, ports, id, await openSession(ports, id));
      }),
    );

    on.post(
      "/-/login/:id/refuse",
      asPage(async (c) => {
        const id = c.req.param("id");
        await readForm(c, `refuse ${id}`);
        if (!(await sessions.settle(id, { state: "failed", reason: "refused" }))) throw closed();
        return page(c, { title: "Refused", body: html`<p>Nobody was signed in. You can close this page.</p>` });
      }),
    );

    if (!passwords) return;
    on.post(
      "/-/login/:id/password",
      asPage(async (c) => {
        const id = c.req.param("id");
        const { name = "", password = "" } = await readForm(c, `password ${id}`);
        const session = await openSession(ports, id);
        const result = await checkPassword(c, ports, name, password);
        if (!result.ok) return signInPage(c, ports, id, session, refusedLogin(result.reason).message);
        if (!(await sessions.settle(id, { state: "identity", name: result.profile.name }))) throw closed();
        return signedInPage(c, result.profile.name);
      }),
    );
  });

/** A name that is none costs the same as a wrong password. A page registers nobody. */
async function checkPassword(c: AppContext, ports: WebLoginPorts, name: string, password: string) {
  const known = UserName.safeParse(name).success ? name : "";
  return ports.passwords.guess(
    { address: ports.addressOf?.(c), name: known },
    () => ports.identities.login({ name: known, password: password.slice(0, 1024), mayRegister: false }),
    ({ ok }) => ok,
  );
}

/** @throws ApiError `not_found` */
async function openSession({ webLogin }: WebLoginPorts, id: string): Promise<OpenSession> {
  const session = await webLogin.sessions.find("login", id);
  if (!session) throw closed();
  return session;
}

/** Bounds how many logins may be begun, in all and from one address. @throws ApiError `too_many` */
function createAdmission(clock: Pick<Clock, "now">): (address: string) => void {
  let since = clock.now().getTime();
  let count = 0;
  const counts = new Map<string, number>();
  return (address) => {
    const age = ageOf(since, clock.now());
    if (age >= SESSION_MS) {
      since = clock.now().getTime();
      count = 0;
      counts.clear();
    }
    const own = counts.get(address) ?? 0;
    if (count >= LOGINS_MAX || own >= LOGINS_ADDRESS_MAX) {
      const seconds = Math.ceil(Math.max(1, SESSION_MS - age) / 1_000);
      throw new ApiError("too_many", `too many logins were begun; try again in ${seconds} seconds`, {
        "retry-after": String(seconds),
      });
    }
    count++;
    counts.set(address, own + 1);
  };
}
