import { FACTOR_MODES } from "@codebox/core";
import * as z from "zod";
import { demand, namedCaller, wrongPassword } from "../auth.ts";
import type { AccountPorts, AppContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { confirmAccount } from "../second-factor.ts";

/** `npm profile enable-2fa` and `disable-2fa`: a mode with the password, or the first code of the app. Source: npm lib/commands/profile.js. */
export const FactorChange = z.union([
  z.literal(false),
  z.object({
    password: z.string().max(1024),
    mode: z.enum([...FACTOR_MODES, "disable"], { error: 'must be "auth-only", "auth-and-writes" or "disable"' }),
  }),
  z.tuple([z.string().max(200)]),
]);

/** Answers what npm expects: the URL for the app, the recovery codes, or the new mode. */
export async function changeFactor(
  c: AppContext,
  ports: AccountPorts,
  change: Exclude<z.infer<typeof FactorChange>, false>,
): Promise<unknown> {
  const { factors } = ports;
  const caller = namedCaller(c);
  const { name } = caller;
  if (!factors) throw new ApiError("forbidden", "this registry has no second factors; its users sign in elsewhere");
  demand(ports.policy.may(caller, "write"));
  if (Array.isArray(change)) {
    const recovery = await factors.complete(name, change[0]);
    if (!recovery) throw new ApiError("invalid", "the code is wrong; check the clock of the phone, and begin again");
    c.get("audit")({ kind: "second-factor", what: "enabled a second factor" });
    return recovery;
  }
  const verified = await ports.passwords.verify({ address: ports.addressOf?.(c), name }, change.password);
  if (!verified.ok)
    throw verified.reason === "wrong_password"
      ? wrongPassword("the password is wrong")
      : new ApiError("forbidden", `"${name}" has no password here, and so no second factor`);
  await confirmAccount(c, ports);
  const { mode } = change;
  if (mode === "disable") {
    await factors.remove(name);
    c.get("audit")({ kind: "second-factor", what: "disabled the second factor" });
    return false;
  }
  if ((await factors.find(name))?.pending === false) {
    await factors.setMode(name, mode);
    c.get("audit")({ kind: "second-factor", what: `changed the mode of the second factor to ${mode}` });
    return { mode, pending: false };
  }
  return factors.begin(name, mode, new URL(c.get("origin")).host);
}
