import {
  createRightsStore,
  DEFAULT_RIGHTS,
  issueToken,
  type Clock,
  type Ids,
  type LocalBackend,
  type RightsStore,
} from "@codebox/core";
import type { Logger } from "pino";
import type { Settings } from "./settings.ts";

/** The user of the first start's token. Nobody else can take the name. */
export const FIRST_USER = "admin";

export type FirstToken = { readonly user: string; readonly token: string };

/**
 * The rights of this registry. A new one begins with those of `DEFAULT_RIGHTS`; one from before rights keeps what was possible, and
 * warns until an administrator decides.
 */
export async function openRights(
  { store, tokens }: LocalBackend,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
): Promise<RightsStore> {
  // No other process writes to this store.
  const rights = createRightsStore({ store, clock }, { maxAgeMs: Number.POSITIVE_INFINITY });
  if (await tokens.isEmpty())
    await rights.edit("codebox", (before) => ({
      ok: true,
      spec: before.decided ? before : DEFAULT_RIGHTS,
      what: "a new registry",
      decided: true,
    }));
  if (!(await rights.current()).rights.decided)
    log.warn(
      "nobody has decided who may do what: everybody who is signed in may change every package; docs/access.md says how to decide",
    );
  return rights;
}

/** The token of the first start, or of a start that was asked for one. */
export async function firstToken(
  backend: LocalBackend,
  { newToken }: Settings,
  clock: Clock,
  ids: Ids,
): Promise<FirstToken | undefined> {
  // Not by whether the directory is new: a first start that failed behind that point would leave nobody a token.
  const user = newToken ?? ((await backend.tokens.isEmpty()) ? FIRST_USER : undefined);
  if (user === undefined) return undefined;
  const created = clock.now().toISOString();
  const token = await issueToken(
    { tokens: backend.tokens, ids },
    { user, readonly: false, label: "made at start", created },
  );
  return { user, token };
}
