import { issueToken } from "./tokens.ts";
import { idsOf, trusts, workloadName, type TrustPermission, type TrustRule } from "./trust.ts";
import { sha256Hex } from "../domain/digest.ts";
import { spentKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { TokenStore } from "../ports/tokens.ts";
import type { Ids } from "../ports/ids.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { Workload, WorkloadVerifier } from "../ports/workloads.ts";
import { targetsOf, type TrustStore } from "../stored/trust.ts";

/** Minutes for which the token of a CI job lives. An upload of the largest tarball fits; a job asks for another for each package. */
export const WORKLOAD_TOKEN_MINUTES = 15;

export type ExchangePorts = {
  readonly verifier: WorkloadVerifier;
  readonly trust: TrustStore;
  readonly tokens: TokenStore;
  readonly store: Pick<ObjectStore, "put">;
  readonly clock: Pick<Clock, "now">;
  readonly ids: Ids;
};

/** `unauthenticated`: the ID token is not valid. `forbidden`: no rule trusts the job. `conflict`: the ID token was used before. */
export type ExchangeResult =
  | {
      readonly ok: true;
      readonly token: string;
      readonly created: string;
      readonly expires: string;
      readonly name: string;
    }
  | {
      readonly ok: false;
      readonly code: "unauthenticated" | "forbidden";
      readonly problem: string;
      readonly name?: string;
    };

/**
 * Exchanges the ID token of a CI job for a token of this registry that lives for minutes and is for one package.
 *
 * Each ID token is accepted once for each package, by whichever instance: its use is recorded by a conditional write.
 *
 * @example await exchange(ports, { idToken, name: "@acme/wire", audiences: ["npm:registry.acme.example"] })
 * @throws IssuerUnavailable, StoreUnavailable
 */
export async function exchange(
  ports: ExchangePorts,
  {
    idToken,
    name,
    audiences,
  }: { readonly idToken: string; readonly name: string; readonly audiences: readonly string[] },
): Promise<ExchangeResult> {
  const verified = await ports.verifier.verify(idToken, audiences);
  if (!verified.ok)
    return { ok: false, code: "unauthenticated", problem: `the ID token is refused: ${verified.problem}` };
  const { workload } = verified;
  const job = workloadName(workload);
  const refuse = (problem: string): ExchangeResult => ({ ok: false, code: "forbidden", problem, name: job });
  const found = await ruleFor(ports.trust, name, workload);
  if (!found.ok) return refuse(found.problem);
  if (!(await spend(ports, workload, name)))
    return refuse(`this ID token was used for ${name} before; ask the CI system for another one`);
  const problem = await pinned(ports.trust, found.target, found.rule, workload);
  if (problem !== undefined) return refuse(problem);
  const now = ports.clock.now();
  const created = now.toISOString();
  // oxlint-disable-next-line no-restricted-globals -- adds to the clock's time; no clock is read
  const expires = new Date(now.getTime() + WORKLOAD_TOKEN_MINUTES * 60_000).toISOString();
  const token = await issueToken(ports, {
    user: job,
    readonly: false,
    label: `exchanged for ${name}`,
    created,
    expires,
    packages: [name],
    workload: { type: workload.type, rule: found.rule.id, permissions: found.rule.permissions },
  });
  return { ok: true, token, created, expires, name: job };
}

type Found =
  | { readonly ok: true; readonly target: string; readonly rule: TrustRule }
  | { readonly ok: false; readonly problem: string };

/** The rule that trusts the job: one that may publish before others. */
async function ruleFor(trust: TrustStore, name: string, workload: Workload): Promise<Found> {
  const problems: string[] = [];
  const matching: { readonly target: string; readonly rule: TrustRule }[] = [];
  for (const target of targetsOf(name))
    for (const rule of await trust.list(target)) {
      const verdict = trusts(rule, workload);
      if (verdict.ok) matching.push({ target, rule });
      else problems.push(verdict.problem);
    }
  const [best] = matching.toSorted((a, b) => strength(b.rule.permissions) - strength(a.rule.permissions));
  if (best) return { ok: true, ...best };
  const why = problems.length > 0 ? `; the rule that comes closest does not: ${problems.at(-1)}` : "";
  const how = `its owner makes one with "npm trust ${workload.type} ${name}"`;
  return { ok: false, problem: `no trust rule of ${name} trusts ${workloadName(workload)}${why}; ${how}` };
}

function strength(permissions: readonly TrustPermission[]): number {
  return permissions.includes("publish") ? 2 : permissions.includes("tag") ? 1 : 0;
}

/** Records that the ID token was used for the package; `false` when somebody recorded it before. */
async function spend({ store }: ExchangePorts, { issuer, tokenId }: Workload, name: string): Promise<boolean> {
  const key = spentKey(sha256Hex(JSON.stringify([issuer, tokenId, name])));
  return (await store.put(key, new Uint8Array(), { condition: { ifNoneMatch: "*" } })).ok;
}

/** Binds the rule to the project's ids at its first use. What is wrong when another job was first, with other ids. */
async function pinned(
  trust: TrustStore,
  target: string,
  rule: TrustRule,
  workload: Workload,
): Promise<string | undefined> {
  const ids = rule.pinned ? undefined : idsOf(workload);
  if (!ids) return undefined;
  const now = await trust.pin(target, rule.id, ids);
  if (!now) return "the trust rule was removed meanwhile";
  const verdict = trusts({ ...rule, pinned: { ...now } }, workload);
  return verdict.ok ? undefined : verdict.problem;
}
