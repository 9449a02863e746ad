import { needsConfirmation, type CodeCheck, type Draft, type FactorRule, type Policy } from "@codebox/core";
import { namedCaller } from "./auth.ts";
import type { AppContext, AppPorts } from "./context.ts";
import { ApiError } from "./errors.ts";

type FactorPorts = Pick<AppPorts, "factors"> & { readonly policy: Policy };

/**
 * Asks for a second factor where a change needs one: by the rule for its package, or because its user wants it for every write.
 *
 * @throws ApiError `unauthenticated` when a code is missing or wrong, `forbidden` when the user has no second factor, `too_many`
 */
export async function confirmChange(c: AppContext, ports: FactorPorts, draft: Draft): Promise<void> {
  await confirmChanges(c, ports, [draft]);
}

/**
 * The same for changes that are made together: one confirmation, under the strictest of their rules.
 *
 * @throws ApiError as `confirmChange`
 */
export async function confirmChanges(c: AppContext, ports: FactorPorts, drafts: readonly Draft[]): Promise<void> {
  const ruled = drafts.flatMap((draft) => {
    const rule = needsConfirmation(draft) ? ports.policy.factorRule(draft.name) : undefined;
    return rule === undefined ? [] : [{ rule, name: draft.name }];
  });
  const strictest = ruled.find(({ rule }) => rule === "required") ?? ruled[0];
  await ask(c, ports, strictest?.rule, `"${strictest?.name ?? drafts[0]?.name ?? ""}"`);
}

/** The same for what is not a change of a package, such as its trust rules. @throws ApiError as `confirmChange` */
export async function confirm(c: AppContext, ports: FactorPorts, name: string): Promise<void> {
  await ask(c, ports, ports.policy.factorRule(name), `"${name}"`);
}

/** The same for a change of the rights or of a user: they could take a rule away. @throws ApiError as `confirmChange` */
export async function confirmRights(c: AppContext, ports: FactorPorts): Promise<void> {
  await ask(c, ports, ports.policy.factorRule(), "a change of the rights");
}

/** The same for a write that no rule is about. @throws ApiError as `confirmChange` */
export async function confirmWrite(c: AppContext, ports: Pick<AppPorts, "factors">): Promise<void> {
  await ask(c, ports, undefined, "this");
}

/** Asks everybody who has a second factor: the change is about the account itself. @throws ApiError as `confirmChange` */
export async function confirmAccount(c: AppContext, { factors }: Pick<AppPorts, "factors">): Promise<void> {
  const { name } = namedCaller(c);
  if ((await factors?.find(name))?.pending === false) await demandCode(c, factors, name);
}

/** How a sign-in with the right password goes on; `undefined`: it needs no code, or the code is right. */
export async function signInFactor(
  { factors }: Pick<AppPorts, "factors">,
  name: string,
  code: string | undefined,
): Promise<{ readonly isGuess: boolean; readonly error: ApiError } | undefined> {
  if ((await factors?.find(name))?.pending !== false) return undefined;
  if (factors === undefined || code === undefined) return { isGuess: false, error: codeNeeded(MISSING) };
  const checked = await factors.check(name, code);
  return checked.ok ? undefined : { isGuess: true, error: refusalOf(checked) };
}

async function ask(
  c: AppContext,
  { factors }: Pick<AppPorts, "factors">,
  rule: FactorRule | undefined,
  what: string,
): Promise<void> {
  const caller = namedCaller(c);
  if (caller.kind === "token" && caller.workload) return;
  const factor = await factors?.find(caller.name);
  const has = factor?.pending === false;
  if (rule === undefined && !(has && factor.mode === "auth-and-writes")) return;
  if (caller.kind === "token" && caller.bypassFactor === true && rule !== "required") return;
  if (!factors)
    throw new ApiError(
      "forbidden",
      `${what} needs a second factor, which this registry can't ask for; a CI job that a trust rule trusts needs none`,
    );
  if (!has)
    throw new ApiError(
      "forbidden",
      `${what} needs a second factor, and you have none; "npm profile enable-2fa" makes one`,
    );
  await demandCode(c, factors, caller.name);
}

async function demandCode(c: AppContext, factors: AppPorts["factors"], name: string): Promise<void> {
  const caller = namedCaller(c);
  const by = caller.kind === "token" ? caller.tokenHash : undefined;
  const code = c.req.header("npm-otp");
  const checked: CodeCheck | undefined = code === undefined ? undefined : await factors?.check(name, code, by);
  if (checked?.ok) {
    const how = checked.recovery ? "a recovery code" : "a one-time password";
    c.get("audit")({ kind: "second-factor", what: `confirmed ${c.req.method} ${c.req.path} with ${how}` });
    return;
  }
  if (checked) throw refusalOf(checked);
  throw codeNeeded(MISSING, await webConfirmation(c, factors, name, by));
}

/** The page on which the person confirms, for clients that say that they can open one. Source: npm lib/utils/otplease.js. */
async function webConfirmation(
  c: AppContext,
  factors: AppPorts["factors"],
  name: string,
  by: string | undefined,
): Promise<Record<string, string>> {
  if (by === undefined || !factors || c.req.header("npm-auth-type") !== "web") return {};
  const { page, done } = await factors.beginPage(name, by);
  const under = `${c.get("origin")}/-/confirm/${encodeURIComponent(name)}`;
  return { authUrl: `${under}/${page}`, doneUrl: `${under}/${done}/done` };
}

const MISSING = "this needs a one-time password; send the code of your app or a recovery code with --otp";

/** npm, pnpm and yarn ask for a code when the header has "otp" in lower case, and the text "one-time pass". */
function codeNeeded(message: string, more: Record<string, string> = {}): ApiError {
  return new ApiError("unauthenticated", message, { "www-authenticate": "otp" }, more);
}

function refusalOf(checked: Exclude<CodeCheck, { readonly ok: true }>): ApiError {
  if (checked.reason === "wait")
    return new ApiError("too_many", `too many wrong one-time passwords; try again in ${checked.seconds} seconds`, {
      "retry-after": String(checked.seconds),
    });
  return codeNeeded("the one-time password is wrong, or was used before; wait for the next code");
}
