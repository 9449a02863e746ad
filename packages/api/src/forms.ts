import { createHmac, timingSafeEqual } from "node:crypto";
import type { Ids } from "@codebox/core";
import { getCookie, setCookie } from "hono/cookie";
import { html } from "hono/html";
import { bodyBytes } from "./body.ts";
import type { AppContext } from "./context.ts";
import { ApiError } from "./errors.ts";
import type { Markup } from "./pages.ts";

/** A form has a name, a password and a code. */
const FORM_BYTES_MAX = 16 * 1024;
/** Seconds for which a browser keeps its cookie: longer than a person may take to sign in. */
const COOKIE_SECONDS = 60 * 60;
const COOKIE = "codebox-browser";
/** What `Ids.secret` makes. Anything else was not set by us. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/**
 * The secret of the browser at hand, from its cookie; a browser without one gets it with this answer. It belongs to no user: it
 * only shows that two requests come from the same browser.
 *
 * Over https the cookie has the prefix `__Host-`, so no other host of the domain can set it.
 * Source: RFC 6265bis, 4.1.3.2. `SameSite=Lax`: the return from a provider is a navigation from another site.
 */
export function browserSecret(c: AppContext, ids: Pick<Ids, "secret">): string {
  const known = knownBrowser(c);
  if (known !== undefined) return known;
  const secret = ids.secret();
  setCookie(c, COOKIE, secret, {
    httpOnly: true,
    sameSite: "Lax",
    path: "/",
    maxAge: COOKIE_SECONDS,
    ...(isSecure(c) ? { secure: true, prefix: "host" } : {}),
  });
  return secret;
}

/**
 * The hidden field that shows that a form is ours. It is for one browser and one purpose, and needs no memory.
 *
 * @example html`<form method="post">${csrfField(browserSecret(c, ids), `login ${id}`)}<button>Sign in</button></form>`
 * @param purpose what the form does, and with what: a field of one form is not valid in another.
 */
export function csrfField(secret: string, purpose: string): Markup {
  return html`<input type="hidden" name="csrf" value="${csrfOf(secret, purpose)}" />`;
}

/**
 * The fields of a form that one of our own pages sent, from the browser that it was shown to.
 *
 * @throws ApiError `forbidden` for a form of another site, another browser or another purpose; `too_large`, `invalid`.
 */
export async function readForm(c: AppContext, purpose: string): Promise<Readonly<Record<string, string>>> {
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site");
  if ((origin !== undefined && origin !== ownOrigin(c)) || (site !== undefined && site !== "same-origin"))
    throw foreign();
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") throw new ApiError("invalid", "a form of this page was expected");
  const bytes = Buffer.concat(await Array.fromAsync(bodyBytes(c, FORM_BYTES_MAX)));
  const { csrf = "", ...fields } = Object.fromEntries(new URLSearchParams(bytes.toString("utf8")));
  const secret = knownBrowser(c);
  if (secret === undefined || !isEqual(csrf, csrfOf(secret, purpose))) throw foreign();
  return fields;
}

/** The secret of the browser at hand; `undefined` for one without our cookie. */
export function knownBrowser(c: AppContext): string | undefined {
  const value = isSecure(c) ? getCookie(c, COOKIE, "host") : getCookie(c, COOKIE);
  return value !== undefined && SECRET.test(value) ? value : undefined;
}

function csrfOf(secret: string, purpose: string): string {
  return createHmac("sha256", secret).update(purpose).digest("base64url");
}

function isEqual(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

/** Below a path, the public URL has more than an origin. */
const ownOrigin = (c: AppContext) => new URL(c.get("origin")).origin;
const isSecure = (c: AppContext) => c.get("origin").startsWith("https:");

function foreign(): ApiError {
  return new ApiError(
    "forbidden",
    "this form was not sent by the page in this browser. Cookies must be allowed; open the page again from your terminal",
  );
}
