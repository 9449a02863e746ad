import { CHANGE_ACTIONS } from "../domain/changes/shared/definition.ts";
import type { Person } from "../domain/packument.ts";
import { createPolicy, type PolicySettings } from "./policy.ts";
import { ANONYMOUS, type AccessTarget, type Action, type Principal } from "./principal.ts";
import { usersIn } from "./edit-rights.ts";
import type { RightsSpec } from "./rights.ts";

/** A decision that a change of the rights would change. `who`: a user, `everybody else` who is signed in, or `anonymous`. */
export type Difference = {
  readonly who: string;
  readonly action: Action;
  readonly package: string;
  readonly allowed: boolean;
  /** The rule that decides before, and after. */
  readonly before: string;
  readonly after: string;
};

/** Most differences that are listed. A person reads no more; the number of all is told. */
export const DIFFERENCES_MAX = 1_000;

const ACTIONS = ["read", ...CHANGE_ACTIONS, "access"] as const satisfies readonly Action[];
/** Nobody can have this name: it stands for those whom no rule names. */
const STRANGER = "everybody else";

/**
 * What a change of the rights would allow and forbid, for everybody whom rights or owners name, and for all others together. Pure.
 *
 * @example compareRights({ before, after, anonymousRead: false }, [{ name: "wire", packument }]).differences
 * @param packages those to compare for; a pattern's name, such as `@acme/new`, with an absent packument is a package that is new.
 */
export function compareRights(
  {
    before,
    after,
    ...settings
  }: Omit<PolicySettings, "rights"> & { readonly before: RightsSpec; readonly after: RightsSpec },
  packages: readonly AccessTarget[],
): { readonly differences: readonly Difference[]; readonly total: number } {
  const [old, next] = [createPolicy({ ...settings, rights: before }), createPolicy({ ...settings, rights: after })];
  const owners = packages.flatMap(({ packument }) => (packument?.maintainers ?? []).map(({ name }) => name));
  const users = [...new Set([...usersIn(before), ...usersIn(after), ...owners])].toSorted();
  const principals: readonly (readonly [string, Principal])[] = [
    ["anonymous", ANONYMOUS],
    ...[STRANGER, ...users].map((name) => [name, { kind: "user", name }] as const),
  ];
  const differences: Difference[] = [];
  let total = 0;
  for (const target of packages)
    for (const [who, principal] of principals)
      for (const action of ACTIONS) {
        const [was, will] = [old.may(principal, action, target), next.may(principal, action, target)];
        if (was.allowed === will.allowed) continue;
        total++;
        if (differences.length < DIFFERENCES_MAX)
          differences.push({
            who,
            action,
            package: target.name,
            allowed: will.allowed,
            before: was.rule,
            after: will.rule,
          });
      }
  return { differences, total };
}

/** What rights are compared for: every package, and for each scope that the rights name one that does not exist yet. */
export function rightsTargets(
  packages: readonly { readonly name: string; readonly maintainers: readonly Person[] }[],
  ...all: readonly RightsSpec[]
): readonly AccessTarget[] {
  const patterns = all.flatMap(({ grants, create, visibility, orgs }) => [
    ...[...grants, ...create].map(({ on }) => on),
    ...Object.keys(visibility),
    ...Object.keys(orgs).map((org) => `@${org}/*`),
  ]);
  const scopes = new Set(patterns.filter((pattern) => pattern.endsWith("/*")).map((pattern) => pattern.slice(0, -1)));
  const fresh = ["new-package", ...[...scopes].map((scope) => `${scope}new-package`)];
  return [
    ...packages.map(({ name, maintainers }) => ({ name, packument: { maintainers } })),
    ...fresh.map((name) => ({ name, packument: undefined })),
  ];
}
