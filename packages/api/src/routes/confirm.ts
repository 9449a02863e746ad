import { UserName } from "@codebox/core";
import { html } from "hono/html";
import type { AccountPorts, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { browserSecret, csrfField, readForm } from "../forms.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { asPage, page } from "../pages.ts";

const PAGE = "/-/confirm/:user/:secret";
const DONE = "/-/confirm/:user/:secret/done";

/**
 * The confirmation in the browser, which the answer to a write names as `authUrl` and `doneUrl`: the person shows password and code
 * on a page, and the client polls. The code counts for the token that asked, and for no other.
 * Source: npm-profile, webAuthOpener; npm polls `doneUrl` with the method of its write.
 */
export const confirmRoutes = (ports: AccountPorts): RouteGroup =>
  routeGroup("sign-in", (on) => {
    const known = async (c: AppContext) => {
      const [user, secret] = [c.req.param("user") ?? "", c.req.param("secret") ?? ""];
      const isName = UserName.safeParse(user).success && secret.length <= 100;
      if (!isName || (await ports.factors?.isPage(user, secret)) !== true)
        throw new ApiError("not_found", "this confirmation is over, or is none; run the command again");
      return { user, secret };
    };
    on.get(
      PAGE,
      asPage(async (c) => {
        const { user, secret } = await known(c);
        const browser = browserSecret(c, ports.ids);
        return page(c, {
          title: "Confirm",
          body: html`<p>
              A command of <strong>${user}</strong> waits for a confirmation. Go on only if you started it.
            </p>
            <form method="post">
              ${csrfField(browser, `confirm ${secret}`)}
              <label for="password">Password</label>
              <input id="password" name="password" type="password" autocomplete="current-password" required autofocus />
              <label for="code">One-time password</label>
              <input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required />
              <button>Confirm</button>
            </form>`,
        });
      }),
    );
    on.post(
      PAGE,
      asPage(async (c) => {
        const { user, secret } = await known(c);
        const { password = "", code = "" } = await readForm(c, `confirm ${secret}`);
        const checked = await ports.passwords.guess(
          { address: ports.addressOf?.(c), name: user },
          async () => {
            const verified = await ports.identities.verify({ name: user, password: password.slice(0, 1024) });
            return verified.ok && (await ports.factors?.check(user, code.slice(0, 200)))?.ok === true;
          },
          (right) => right,
        );
        if (!checked) throw new ApiError("forbidden", "the password or the code is wrong; go back and try again");
        if ((await ports.factors?.confirmPage(user, secret)) !== true)
          throw new ApiError("not_found", "this confirmation is over; run the command again");
        c.get("audit")({ kind: "second-factor", who: user, what: "confirmed in the browser" });
        return page(c, { title: "Confirmed", body: html`<p>Go back to your terminal. You can close this page.</p>` });
      }),
    );
    const poll = async (c: AppContext) => {
      const [user, secret] = [c.req.param("user") ?? "", c.req.param("secret") ?? ""];
      const state = UserName.safeParse(user).success ? await ports.factors?.pageState(user, secret) : undefined;
      if (state === "confirmed") return c.json({ token: secret });
      if (state !== "pending") throw new ApiError("not_found", "this confirmation is over; run the command again");
      c.header("retry-after", "1");
      return c.json({}, 202);
    };
    on.get(DONE, poll);
    on.put(DONE, poll);
    on.delete(DONE, poll);
  });
