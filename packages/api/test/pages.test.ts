import { ANONYMOUS } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import { Hono } from "hono";
import { html } from "hono/html";
import { expect, test } from "vitest";
import type { AppEnv } from "../src/context.ts";
import { ApiError } from "../src/errors.ts";
import { browserSecret, csrfField, readForm } from "../src/forms.ts";
import { createIntake } from "../src/intake.ts";
import { asPage, page } from "../src/pages.ts";

/** An app with one page, whose form says what it received. */
function appAt(origin: string) {
  const app = new Hono<AppEnv>();
  const { open } = createIntake(systemClock);
  app.use(async (c, next) => {
    c.set("origin", origin);
    c.set("principal", ANONYMOUS);
    c.set("allowance", open({ address: undefined, isNamed: () => false }));
    await next();
  });
  app.get(
    "/form",
    asPage(async (c) =>
      page(c, {
        title: `For ${c.req.query("name")}`,
        body: html`<form method="post">${csrfField(browserSecret(c, systemIds), "greet")}</form>`,
        next: 'https://github.example/login?a=1&b="',
      }),
    ),
  );
  app.post(
    "/form",
    asPage(async (c) => c.json(await readForm(c, "greet"))),
  );
  app.get(
    "/refused",
    asPage(async () => {
      throw new ApiError("too_many", "slow <down>", { "retry-after": "5" });
    }),
  );
  return app;
}

const ORIGIN = "http://127.0.0.1:4870";

/** Opens the form as a browser does: its cookie, and the hidden field. */
async function opened(origin = ORIGIN) {
  const app = appAt(origin);
  const response = await app.request("/form?name=alice");
  const cookie = response.headers.get("set-cookie") ?? "";
  const csrf = /name="csrf" value="([^"]+)"/.exec(await response.text())?.[1] ?? "";
  const send = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    app.request("/form", {
      method: "POST",
      body: new URLSearchParams(fields).toString(),
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        cookie: cookie.split(";")[0] ?? "",
        ...headers,
      },
    });
  return { app, cookie, csrf, send };
}

test("a page runs no script, is in no frame and in no cache, and its forms lead only where they are meant to", async () => {
  const { headers } = await appAt(ORIGIN).request("/form?name=x");
  const policy = headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("base-uri 'none'");
  expect(policy).toContain("form-action 'self';");
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("cache-control")).toBe("no-store");
});
test("what is put into a page is escaped", async () => {
  const text = await (await appAt(ORIGIN).request(`/form?name=${encodeURIComponent('"><script>1</script>')}`)).text();
  expect(text).not.toContain("<script>");
  expect(text).toContain("&lt;script&gt;");
  expect(text).toContain('content="0;url=https://github.example/login?a=1&amp;b=&quot;"');
});
test("a refusal is a page with the status, the reason and retry-after", async () => {
  const response = await appAt(ORIGIN).request("/refused");
  expect(response.status).toBe(429);
  expect(response.headers.get("retry-after")).toBe("5");
  expect(await response.text()).toContain("slow &lt;down&gt;");
});
test("a form of our page is taken from the browser that it was shown to", async () => {
  const { send, csrf } = await opened();
  const response = await send({ csrf, name: "bob" }, { origin: ORIGIN, "sec-fetch-site": "same-origin" });
  expect(await response.json()).toEqual({ name: "bob" });
});
test.each([
  ["without the hidden field", {}, {}],
  ["with a made-up field", { csrf: "AAAA" }, {}],
  ["from another origin", "own", { origin: "https://evil.example" }],
  ["from an origin that is hidden", "own", { origin: "null" }],
  ["from another site", "own", { "sec-fetch-site": "cross-site" }],
  ["from another browser", "own", { cookie: "" }],
  ["with a cookie that is not ours", "own", { cookie: "codebox-browser=x" }],
])("a form %s is refused", async (_, fields, headers) => {
  const { send, csrf } = await opened();
  const response = await send(fields === "own" ? { csrf } : (fields as Record<string, string>), headers);
  expect(response.status).toBe(403);
});
test("a field of one purpose is not valid for another", async () => {
  const { app, cookie } = await opened();
  const other = new Hono<AppEnv>();
  other.use(async (c, next) => {
    c.set("origin", ORIGIN);
    await next();
  });
  other.get("/", (c) => c.html(csrfField(browserSecret(c, systemIds), "another")));
  const sent = { cookie: cookie.split(";")[0] ?? "" };
  const csrf = /value="([^"]+)"/.exec(await (await other.request("/", { headers: sent })).text())?.[1] ?? "";
  const response = await app.request("/form", {
    method: "POST",
    body: new URLSearchParams({ csrf }).toString(),
    headers: { ...sent, "content-type": "application/x-www-form-urlencoded" },
  });
  expect(response.status).toBe(403);
});
test("over https the cookie belongs to this host only; it is never readable by a script", async () => {
  const { cookie } = await opened("https://npm.acme.example");
  expect(cookie).toMatch(/^__Host-codebox-browser=/);
  for (const attribute of ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"]) expect(cookie).toContain(attribute);
});
