import { jsonIn } from "../domain/json.ts";
import {
  OPEN_RIGHTS,
  Rights,
  RIGHTS_BYTES_MAX,
  RIGHTS_HISTORY_MAX,
  type CompleteRights,
  type RightsSpec,
} from "../access/rights.ts";
import { createPolicy, type Policy, type PolicySettings } from "../access/policy.ts";
import { rightsKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import { readObject, updateObject } from "../write/update-object.ts";

/** The rights as last read, with the ETag that changes with them. */
export type ReadRights = { readonly rights: Rights; readonly etag: string | undefined };

/** What an edit returns: the rights after it, and what it did for the history; or why it is refused. */
export type Edited<Problem> =
  | { readonly ok: true; readonly spec: RightsSpec; readonly what: string; readonly decided?: boolean }
  | { readonly ok: false; readonly problem: Problem };
/** `unchanged`: the edit led to the same rights, and nothing was written. */
export type EditResult<Problem> =
  | { readonly ok: true; readonly rights: Rights; readonly unchanged: boolean }
  | { readonly ok: false; readonly problem: Problem };

/** The document of rights in the store. Where there is none, the rights are those of a registry in which nobody has decided. */
export type RightsStore = {
  /**
   * The rights, at most `maxAgeMs` old; with `fresh`, as they are stored right now.
   *
   * @throws StoreUnavailable when they are older and can't be read, also when the document is damaged: no right is guessed.
   */
  current(options?: { readonly fresh?: boolean }): Promise<ReadRights>;
  /**
   * Changes the rights, conditionally: when somebody else changed them meanwhile, `edit` is called again with the new ones.
   *
   * @example await store.edit("alice", (rights) => ({ ok: true, what: "…", spec: { ...rights, visibility: { "@acme/*": "private" } } }));
   * @throws StoreUnavailable, RightsInvalid
   */
  edit<Problem>(
    by: string,
    edit: (rights: Rights, etag: string | undefined) => Edited<Problem>,
  ): Promise<EditResult<Problem>>;
};

/** How old the rights may be in a function on AWS, in milliseconds: how long a right lives on after it was taken away. */
export const RIGHTS_MAX_AGE_MS = 10_000;

/**
 * Opens the rights over an object store.
 *
 * @example const rights = createRightsStore({ store, clock }, { maxAgeMs: RIGHTS_MAX_AGE_MS });
 * @param settings.maxAgeMs `Infinity` where this process is the only writer: its own edits are known at once.
 */
export function createRightsStore(
  { store, clock, random }: { readonly store: ObjectStore; readonly clock: Clock; readonly random?: () => number },
  { maxAgeMs }: { readonly maxAgeMs: number },
): RightsStore {
  let known: (ReadRights & { readonly at: number }) | undefined;
  let reading: Promise<ReadRights> | undefined;
  const keep = (read: ReadRights) => {
    known = { ...read, at: clock.now().getTime() };
    return read;
  };
  const read = async (): Promise<ReadRights> => {
    const asked = known;
    const found = await store.get(rightsKey, asked?.etag === undefined ? {} : { ifNoneMatch: asked.etag });
    // An edit of this process is newer than what was asked for before it.
    if (known && known !== asked) return known;
    if (found === undefined) return keep({ rights: OPEN_RIGHTS, etag: undefined });
    if (found.notModified && known) return keep({ rights: known.rights, etag: known.etag });
    if (found.notModified) throw new StoreUnavailable(`${rightsKey} was not answered`);
    return keep({ rights: parseRights(found.bytes), etag: found.etag });
  };
  return {
    async current({ fresh = false } = {}) {
      if (fresh) return read();
      if (known && clock.now().getTime() - known.at < maxAgeMs) return known;
      reading ??= read().finally(() => (reading = undefined));
      return reading;
    },
    async edit<Problem>(by: string, edit: (rights: Rights, etag: string | undefined) => Edited<Problem>) {
      const ports = { store, clock, ...(random ? { random } : {}) };
      const updated = await updateObject(ports, rightsKey, {
        read: () => readObject(store, rightsKey),
        mutate(found): { result: EditResult<Problem>; bytes?: Uint8Array } {
          const before = found ? parseRights(found.bytes) : OPEN_RIGHTS;
          const edited = edit(before, found?.etag);
          if (!edited.ok) return { result: edited };
          const { spec, what, decided = before.decided } = edited;
          if (decided === before.decided && JSON.stringify(specOf(before)) === JSON.stringify(specOf(spec)))
            return { result: { ok: true, rights: before, unchanged: true } };
          const entry = { at: clock.now().toISOString(), by, what };
          const { rules: _, ...others } = before;
          const rights: Rights = {
            ...others,
            ...specOf(spec),
            decided,
            revision: before.revision + 1,
            history: [...before.history, entry].slice(-RIGHTS_HISTORY_MAX),
          };
          const bytes = Buffer.from(JSON.stringify(checked(rights)));
          return { result: { ok: true, rights, unchanged: false }, bytes };
        },
      });
      if (!updated.ok)
        throw new StoreUnavailable(`the rights changed ${updated.attempts} times while they were edited`);
      if (updated.result.ok && updated.etag !== undefined) keep({ rights: updated.result.rights, etag: updated.etag });
      return updated.result;
    },
  };
}

/** The part of the rights that an administrator decides. */
export function specOf({ grants, create, visibility, orgs, disabled = [], rules }: RightsSpec): CompleteRights {
  return { grants, create, visibility, orgs, disabled, ...(rules ? { rules } : {}) };
}

/** A stored document may be sent back as it was read: without what is ours in it. Not checked. */
export function withoutOwn(document: unknown): unknown {
  const {
    schema: _schema,
    revision: _revision,
    decided: _decided,
    history: _history,
    ...spec
  } = Object(document) as Record<string, unknown>;
  return spec;
}

/**
 * The policy over the rights in a store.
 *
 * @example const policy = createLivePolicy({ anonymousRead: false }, rights); await policy.refresh(); policy.may(principal, "read");
 * Before the first `refresh` nobody may do anything.
 * @param options.onUndecided called once, if nobody has decided who may do what when the rights are first read.
 */
export function createLivePolicy(
  settings: Omit<PolicySettings, "rights">,
  store: Pick<RightsStore, "current">,
  { onUndecided }: { readonly onUndecided?: (() => void) | undefined } = {},
): Policy & { readonly refresh: () => Promise<void> } {
  let current: { readonly policy: Policy; readonly of: Rights } | undefined;
  return {
    async refresh() {
      const { rights } = await store.current();
      if (!rights.decided && current === undefined) onUndecided?.();
      if (current?.of !== rights) current = { policy: createPolicy({ ...settings, rights }), of: rights };
    },
    ruleContext: {
      isMember: (team, user) => current?.policy.ruleContext.isMember(team, user) ?? false,
      scopeRules: (name) => current?.policy.ruleContext.scopeRules(name) ?? [],
    },
    may: (principal, action, target) => current?.policy.may(principal, action, target) ?? NOT_READ,
  };
}

const NOT_READ = {
  allowed: false,
  rule: "the rights are not read yet",
  code: "forbidden",
  reason: "the rights of this registry are not read yet; try again",
} as const;

/** Rights that are not stored, because they break a limit or a rule of their form. The message says which. */
export class RightsInvalid extends Error {
  override readonly name = "RightsInvalid";
}

function checked(rights: Rights): Rights {
  const parsed = Rights.safeParse(rights);
  const [issue] = parsed.error?.issues ?? [];
  if (issue) throw new RightsInvalid(`${issue.path.join(".")}: ${issue.message}`);
  if (Buffer.byteLength(JSON.stringify(rights)) > RIGHTS_BYTES_MAX)
    throw new RightsInvalid(`the rights of a registry have at most ${RIGHTS_BYTES_MAX} bytes; use teams and patterns`);
  return rights;
}

function parseRights(bytes: Uint8Array): Rights {
  try {
    return Rights.parse(jsonIn(bytes));
  } catch (cause) {
    throw new StoreUnavailable(`${rightsKey} is damaged; restore an earlier version of it`, { cause });
  }
}
