import * as z from "zod";
import { hashToken, TOKEN_PREFIX } from "../access/tokens.ts";
import { jsonIn } from "../domain/json.ts";
import { invitationKey, LAYOUT } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { pages } from "../read/pages.ts";
import { readObject } from "../write/update-object.ts";

/** Days for which an invitation counts unless others are asked for: a week has a working day in it. */
export const INVITATION_DAYS = 7;
/** Most days for which an invitation counts. A code that waits longer is forgotten in some mailbox. */
export const INVITATION_DAYS_MAX = 30;
const DAY_MS = 86_400_000;

const StoredInvitation = z.object({
  /** SHA-256 of the code, in hex. */
  hash: z.string(),
  /** In milliseconds since 1970. */
  expires: z.number(),
  by: z.string(),
});

/** An invitation as it is listed: never its code. */
export type Invitation = { readonly name: string; readonly by: string; readonly expires: string };

/** Codes with which users choose a password, each for one user and one time. A user has one at most. */
export type Invitations = {
  /** Makes the code. It takes the place of an earlier one. The code is returned once and kept nowhere. */
  make(invited: { readonly name: string; readonly by: string; readonly days: number }): Promise<NewInvitation>;
  /** Spends the code. `false`: it is not the user's, is spent, or has expired. */
  accept(name: string, code: string): Promise<boolean>;
  /** Takes back an invitation. `false`: there was none. */
  withdraw(name: string): Promise<boolean>;
  /** Those that still count. */
  list(): Promise<readonly Invitation[]>;
};
export type NewInvitation = { readonly code: string; readonly expires: string };

/**
 * Invitations over an object store, under the name of the user.
 *
 * @example
 * const { code } = await invitations.make({ name: "bob", by: "alice", days: INVITATION_DAYS });
 * await invitations.accept("bob", code); // true, once
 */
export function createInvitations({
  store,
  clock,
  ids,
}: {
  readonly store: ObjectStore;
  readonly clock: Pick<Clock, "now">;
  readonly ids: Pick<Ids, "secret">;
}): Invitations {
  const find = async (name: string) => {
    const found = await readObject(store, invitationKey(name));
    const stored = found && StoredInvitation.parse(jsonIn(found.bytes));
    return stored && stored.expires > clock.now().getTime() ? { ...stored, etag: found.etag } : undefined;
  };
  return {
    async make({ name, by, days }) {
      const code = `${TOKEN_PREFIX}invite_${ids.secret()}`;
      const expires = clock.now().getTime() + days * DAY_MS;
      const stored = { hash: hashToken(code), expires, by };
      await store.put(invitationKey(name), Buffer.from(JSON.stringify(stored)), { contentType: "application/json" });
      return { code, expires: iso(expires) };
    },
    async accept(name, code) {
      const invitation = await find(name);
      if (!invitation || invitation.hash !== hashToken(code)) return false;
      // Of two who send the code at a time, one deletes it.
      return (await store.delete(invitationKey(name), { ifMatch: invitation.etag })).ok;
    },
    async withdraw(name) {
      const invitation = await find(name);
      return invitation !== undefined && (await store.delete(invitationKey(name), { ifMatch: invitation.etag })).ok;
    },
    async list() {
      const open: Invitation[] = [];
      for await (const { objects } of pages(store, LAYOUT.invitations.prefix))
        for (const { key } of objects) {
          const name = decodeURIComponent(key.slice(LAYOUT.invitations.prefix.length));
          const found = await find(name);
          if (found) open.push({ name, by: found.by, expires: iso(found.expires) });
        }
      return open;
    },
  };
}

function iso(ms: number): string {
  // oxlint-disable-next-line no-restricted-globals -- formats a recorded time; no clock is read
  return new Date(ms).toISOString();
}
