import type { ReadRights, RightsSpec } from "@codebox/core";
import { namedCaller } from "./auth.ts";
import type { AppContext, RightsPorts } from "./context.ts";
import { confirmRights } from "./second-factor.ts";

/**
 * The rights as they are stored right now, also for the policy: who just changed them, perhaps in another function, sees it.
 *
 * @throws StoreUnavailable
 */
export async function storedRights({ rights, policy }: Pick<RightsPorts, "rights" | "policy">): Promise<ReadRights> {
  const read = await rights.current({ fresh: true });
  await policy.refresh?.();
  return read;
}

/**
 * Changes the rights for the caller, whose right to do so is checked before.
 *
 * @param what the change, for the history.
 * @throws ApiError `unauthenticated`, `forbidden`; StoreUnavailable, RightsInvalid, NoSuchGroup
 */
export async function editRights(
  c: AppContext,
  ports: Pick<RightsPorts, "rights" | "policy" | "factors">,
  what: string,
  change: (rights: RightsSpec) => RightsSpec,
): Promise<RightsSpec> {
  await confirmRights(c, ports);
  const edited = await ports.rights.edit(namedCaller(c).name, (before) => ({ ok: true, spec: change(before), what }));
  // The edit itself refuses nothing.
  if (!edited.ok) throw new TypeError("an edit without a problem failed");
  c.get("audit")({ kind: "rights", what });
  return edited.rights;
}
