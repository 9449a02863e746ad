import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import type { AppContext } from "./context.ts";
import { asApiError, statusOf } from "./errors.ts";

/** HTML that is safe to send: every value in it was escaped. Made with `html` only. */
export type Markup = ReturnType<typeof html>;

/** A page that a person sees in a browser. */
export type Page = {
  readonly title: string;
  readonly body: Markup;
  /** Default: 200. */
  readonly status?: ReturnType<typeof statusOf> | 200;
  /** Where the browser goes at once. Not by a redirect: browsers apply `form-action` to those after a form too. Default: nowhere. */
  readonly next?: string;
};

const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:32rem;padding:2rem 1rem}
h1{font-size:1.4rem}
dt{font-weight:600}
dd{margin:0 0 .5rem;overflow-wrap:anywhere}
form{margin:1.5rem 0}
label{display:block;margin:.75rem 0 .25rem}
input{box-sizing:border-box;font:inherit;padding:.5rem;width:100%}
button{font:inherit;margin-top:1rem;padding:.5rem 1rem}
[role=alert]{border-left:.25rem solid;padding-left:.75rem}`;

/** The one stylesheet is allowed by its digest, so the pages load nothing and run nothing. */
const STYLE_DIGEST = createHash("sha256").update(STYLE).digest("base64");

/**
 * Answers a page: complete, without scripts, in no frame and in no cache.
 *
 * @example return page(c, { title: "Sign in", body: html`<p>Hello ${name}</p>` });
 *
 * `html` escapes every value. The policy forbids scripts, images and frames, and forms that lead elsewhere than to this registry.
 * Source: CSP Level 3.
 */
export async function page(c: AppContext, { title, body, status = 200, next }: Page): Promise<Response> {
  c.header("content-security-policy", POLICY);
  // For browsers that do not know frame-ancestors.
  c.header("x-frame-options", "DENY");
  // Not "no-referrer": then browsers send "Origin: null" with our own forms.
  c.header("referrer-policy", "same-origin");
  c.header("cross-origin-opener-policy", "same-origin");
  c.header("cache-control", "no-store");
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${next === undefined ? "" : html`<meta http-equiv="refresh" content="0;url=${next}" />`}
        <title>${title} – codebox</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`;
  return c.html(document, status);
}

/** A constant: nothing of a request is in it. */
const STYLE_ELEMENT = raw(`<style>${STYLE}</style>`);

const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_DIGEST}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Runs the handler of a page: what it refuses is a page for a person, not JSON for a client. The message says how to go on.
 *
 * @example on.get("/-/login/:id", asPage(async (c) => page(c, { … })));
 */
export function asPage<C extends AppContext>(handler: (c: C) => Promise<Response>): (c: C) => Promise<Response> {
  return async (c) => {
    try {
      return await handler(c);
    } catch (error) {
      const { code, message, headers } = asApiError(error);
      // The app reports and answers a failure of ours.
      if (code === "internal") throw error;
      const retry = headers["retry-after"];
      if (retry !== undefined) c.header("retry-after", retry);
      return page(c, {
        title: "This did not work",
        status: statusOf(code),
        body: html`<p role="alert">${message}</p>`,
      });
    }
  };
}
