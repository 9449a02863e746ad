import { jsonIn } from "../domain/json.ts";
import * as z from "zod";
import { TRUST_RULES_MAX, TrustRule } from "../access/trust.ts";
import { trustKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable, type ObjectStore, type StoredObject } from "../ports/object-store.ts";
import { readObject, updateObject } from "../write/update-object.ts";

const Stored = z.object({ schema: z.literal(1), rules: z.array(TrustRule) });

/** What a set of trust rules is for: a package's name, or `@acme/*` for every package of a scope. */
export type TrustTarget = string;

/** The trust rules of packages and scopes. */
export type TrustStore = {
  list(target: TrustTarget): Promise<readonly TrustRule[]>;
  /** `false`: the target has `TRUST_RULES_MAX` rules already. */
  add(target: TrustTarget, rule: TrustRule): Promise<boolean>;
  /** `false`: there is no such rule. */
  remove(target: TrustTarget, id: string): Promise<boolean>;
  /** Binds a rule to the ids of its first job. The ids that are pinned afterwards; `undefined`: the rule is gone. */
  pin(
    target: TrustTarget,
    id: string,
    ids: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>> | undefined>;
};

/**
 * The targets whose rules apply to a package: itself, and its scope.
 *
 * @example targetsOf("@acme/wire") // ["@acme/wire", "@acme/*"]
 */
export function targetsOf(name: string): readonly TrustTarget[] {
  return name.startsWith("@") ? [name, `${name.slice(0, name.indexOf("/"))}/*`] : [name];
}

/** Trust rules over an object store, one object a target, written on the condition that nobody else did. */
export function createTrustStore({ store, clock }: { readonly store: ObjectStore; readonly clock: Clock }): TrustStore {
  const change = async <T>(
    target: TrustTarget,
    decide: (rules: readonly TrustRule[]) => { readonly result: T; readonly rules?: readonly TrustRule[] },
  ): Promise<T> => {
    const key = trustKey(target);
    const updated = await updateObject({ store, clock }, key, {
      read: () => readObject(store, key),
      mutate(found) {
        const { result, rules } = decide(rulesIn(found));
        return rules ? { result, bytes: Buffer.from(JSON.stringify({ schema: 1, rules })) } : { result };
      },
    });
    if (!updated.ok) throw new StoreUnavailable("the trust rules are being written by others");
    return updated.result;
  };
  return {
    list: async (target) => rulesIn(await readObject(store, trustKey(target))),
    add: (target, rule) =>
      change(target, (rules) =>
        rules.length < TRUST_RULES_MAX ? { result: true, rules: [...rules, rule] } : { result: false },
      ),
    remove: (target, id) =>
      change(target, (rules) => {
        const kept = rules.filter((rule) => rule.id !== id);
        return kept.length < rules.length ? { result: true, rules: kept } : { result: false };
      }),
    pin: (target, id, ids) =>
      change(target, (rules) => {
        const rule = rules.find((one) => one.id === id);
        if (!rule || rule.pinned) return { result: rule?.pinned };
        return { result: ids, rules: rules.map((one) => (one.id === id ? { ...one, pinned: ids } : one)) };
      }),
  };
}

function rulesIn(found: StoredObject | undefined): readonly TrustRule[] {
  return found ? Stored.parse(jsonIn(found.bytes)).rules : [];
}
