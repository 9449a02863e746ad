import { sha256Hex, seal, type SignInProvider, type SignInRequest } from "@codebox/core";
import { html } from "hono/html";
import type { AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { knownBrowser, readForm } from "../forms.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { asPage, page } from "../pages.ts";
import { closed, signedInPage, type WebLoginPorts } from "./web-login-pages.ts";

/** Signing in at a provider, on the page of a login: the way there, and the return. */
export const providerRoutes = (ports: WebLoginPorts): RouteGroup =>
  routeGroup("sign-in", (on) => {
    const { sessions } = ports.webLogin;

    on.post(
      "/-/login/:id/with/:provider",
      asPage(async (c) => {
        const { id } = c.req.param();
        const { provider } = providerOf(ports, c.req.param("provider"));
        await readForm(c, `with ${provider.id} ${id}`);
        const request = newRequest(c, ports, id, provider);
        const { state, nonce, verifier } = request;
        const url = await provider.authorizeUrl(request);
        const attempt = { provider: provider.id, state, nonce, verifier, browser: browserOf(c) };
        if (!(await sessions.attempt(id, attempt))) throw closed();
        const body = html`<p><a href="${url}">Continue at ${provider.label}</a></p>`;
        return page(c, { title: `Sign in with ${provider.label}`, body, next: url });
      }),
    );

    on.get(
      "/-/login/return/:provider",
      asPage(async (c) => {
        const { provider, signIns } = providerOf(ports, c.req.param("provider"));
        const parameters = new URL(c.req.url).searchParams;
        const state = parameters.get("state") ?? "";
        const [id = ""] = state.split(".");
        const attempt = await sessions.return(id, { provider: provider.id, state, browser: browserOf(c) });
        const session = attempt && (await sessions.find("login", id));
        if (!session)
          throw new ApiError("forbidden", "this sign-in was not begun in this browser, or is over; begin again");
        const request = { state, ...attempt, returnUrl: returnUrl(c, provider) };
        const result = await provider.finish(parameters, request);
        if (!result.ok) {
          await sessions.settle(id, { state: "failed", reason: "refused" });
          return page(c, {
            title: "Not signed in",
            status: 403,
            body: html`<p role="alert">${provider.label}: ${result.problem}</p>`,
          });
        }
        const { name, found } = await signIns.admit(provider, result.account);
        const { token } = result.account;
        const sealed = token === undefined ? {} : { sealed: seal(session.box, token) };
        if (!(await sessions.settle(id, { state: "identity", name, found: { ...found, ...sealed } }))) throw closed();
        return signedInPage(c, name);
      }),
    );
  });

/** The state names the session, so that the return finds it; the rest of it is a secret of this attempt. */
function newRequest(c: AppContext, { ids }: WebLoginPorts, id: string, provider: SignInProvider): SignInRequest {
  return {
    state: `${id}.${ids.secret()}`,
    nonce: ids.secret(),
    verifier: ids.secret(),
    returnUrl: returnUrl(c, provider),
  };
}

const returnUrl = (c: AppContext, { id }: SignInProvider) => `${c.get("origin")}/-/login/return/${id}`;

/** A browser without our cookie has the hash of nothing, which is no browser's. */
const browserOf = (c: AppContext) => sha256Hex(knownBrowser(c) ?? "");

/** @throws ApiError `not_found` */
function providerOf({ signIns }: WebLoginPorts, id: string) {
  const provider = signIns?.find(id);
  if (!signIns || !provider) throw new ApiError("not_found", "this registry does not sign in there");
  return { provider, signIns };
}
