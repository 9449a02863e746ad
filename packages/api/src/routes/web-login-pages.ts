import type { OpenSession } from "@codebox/core";
import { html } from "hono/html";
import type { AccountPorts, AppContext, WebLogin } from "../context.ts";
import { ApiError } from "../errors.ts";
import { browserSecret, csrfField } from "../forms.ts";
import { page, type Markup } from "../pages.ts";

/** The ports of a registry that has the web login. */
export type WebLoginPorts = AccountPorts & { readonly webLogin: WebLogin };

/** The refusal of a session that is not open. */
export function closed(): ApiError {
  return new ApiError("not_found", "this login is unknown, too old or done already; begin again in your terminal");
}

/** What the person sees at the end. */
export function signedInPage(c: AppContext, name: string): Promise<Response> {
  const body = html`<p>
    You are signed in as <strong>${name}</strong>. Go back to your terminal; you can close this page.
  </p>`;
  return page(c, { title: "Signed in", body });
}

/** The page of a login: who asks, and every way to sign in. `problem`: what went wrong before. */
export function signInPage(
  c: AppContext,
  ports: WebLoginPorts,
  id: string,
  session: OpenSession,
  problem?: string,
): Promise<Response> {
  const providers = ports.signIns?.providers ?? [];
  // The cookie is set once, before the fields that depend on it.
  const secret = browserSecret(c, ports.ids);
  const form = (action: string, purpose: string, content: Markup) =>
    html`<form method="post" action="${c.get("origin")}/-/login/${id}/${action}">
      ${csrfField(secret, purpose)} ${content}
    </form>`;
  const body = html`${problem === undefined ? "" : html`<p role="alert">${problem}</p>`}
    <p>A program asks to sign in to this registry. Continue only if you began this yourself, just now.</p>
    ${aboutList(session)} ${strangerWarning(c, ports, session)}
    ${providers.map(({ id: provider, label }) =>
      form(`with/${provider}`, `with ${provider} ${id}`, html`<button>Sign in with ${label}</button>`),
    )}
    ${ports.webLogin.passwords ? form("password", `password ${id}`, PASSWORD_FIELDS) : ""}
    ${form("refuse", `refuse ${id}`, html`<button>Refuse</button>`)}`;
  const status = problem === undefined ? 200 : 401;
  return page(c, { title: "Sign in", body, status });
}

const PASSWORD_FIELDS = html`<label for="name">User name</label>
  <input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required />
  <label for="password">Password</label>
  <input id="password" name="password" type="password" autocomplete="current-password" required />
  <label for="code">One-time password, if you have a second factor</label>
  <input id="code" name="code" autocomplete="one-time-code" />
  <button>Sign in</button>`;

function aboutList({ about }: OpenSession): Markup {
  return html`<dl>
    <dt>Program</dt>
    <dd>${about["agent"]}</dd>
    <dt>Address</dt>
    <dd>${about["address"] ?? "unknown"}</dd>
    <dt>Began</dt>
    <dd>${about["at"]}</dd>
  </dl>`;
}

/** Somebody may have sent their own link, to be signed in as the person who opens it. */
function strangerWarning(c: AppContext, { addressOf }: WebLoginPorts, { about }: OpenSession): Markup | "" {
  const address = addressOf?.(c);
  if (about["address"] === undefined || address === about["address"]) return "";
  return html`<p role="alert">
    The program has another address than this browser (${address ?? "unknown"}). If somebody sent you this link, refuse.
  </p>`;
}
