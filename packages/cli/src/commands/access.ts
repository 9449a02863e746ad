import {
  CHANGE_ACTIONS,
  compareRights,
  createPackumentReader,
  createPolicy,
  createRightsStore,
  DEFAULT_RIGHTS,
  OPEN_RIGHTS,
  RightsSpec,
  rightsTargets,
  specOf,
  UserName,
  walkPackages,
  withoutOwn,
  type Action,
  type Clock,
  type Decision,
  type Difference,
  type ObjectStore,
  type Rights,
} from "@codebox/core";
import { CommandError, UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

/** What the commands need: over a bucket, or over the routes of a running registry. */
export type AccessPort = {
  read(): Promise<Rights>;
  /** Replaces the rights, if they are still those that `read` returned last. */
  replace(spec: RightsSpec): Promise<void>;
  explain(user: string, action: Action, name: string | undefined): Promise<Decision>;
  compare(spec: RightsSpec): Promise<{ readonly differences: readonly Difference[]; readonly total: number }>;
};
type Ports = { readonly access: AccessPort; readonly output: Output };

const ACTIONS = ["read", ...CHANGE_ACTIONS, "access", "admin"] as const satisfies readonly Action[];

/**
 * The rights in a bucket. Whether callers without a token read is a setting of the deployment, so it is given here.
 *
 * @example bucketAccess({ store, clock }, { anonymousRead: false, by: "operator" })
 */
export function bucketAccess(
  { store, clock }: { readonly store: ObjectStore; readonly clock: Clock },
  { anonymousRead, by }: { readonly anonymousRead: boolean; readonly by: string },
): AccessPort {
  const reader = createPackumentReader(store);
  const rights = createRightsStore({ store, clock }, { maxAgeMs: 0 });
  const onDamaged = (error: SyntaxError) => {
    throw new CommandError(error.message);
  };
  const summaries = async () =>
    (await Array.fromAsync(walkPackages({ store, onDamaged }))).flat().flatMap(({ summary }) => summary ?? []);
  let seen: Rights | undefined;
  return {
    async read() {
      seen = (await rights.current()).rights;
      return seen;
    },
    async replace(spec) {
      const edited = await rights.edit(by, (before) =>
        before.revision === seen?.revision
          ? { ok: true, spec, what: "rights replaced", decided: true }
          : { ok: false, problem: CHANGED },
      );
      if (!edited.ok) throw new CommandError(edited.problem);
    },
    async explain(name, action, target) {
      const policy = createPolicy({ anonymousRead, rights: (await rights.current()).rights });
      const packument = target === undefined ? undefined : (await reader.read(target))?.packument;
      return policy.may({ kind: "user", name }, action, target === undefined ? undefined : { name: target, packument });
    },
    async compare(after) {
      const { rights: before } = await rights.current();
      return compareRights({ anonymousRead, before, after }, rightsTargets(await summaries(), before, after));
    },
  };
}

const CHANGED = "the rights changed while they were edited; run the command again";

/** `codebox access show`: the rights as JSON, also on a terminal: the output is what `apply` takes. */
export async function showAccess({ access, output }: Ports): Promise<ExitCode> {
  const rights = await access.read();
  output.record(rights, JSON.stringify(rights, undefined, 2));
  if (!rights.decided) output.note(UNDECIDED);
  return 0;
}

const UNDECIDED =
  'nobody has decided who may do what: everybody who is signed in may change every package. "codebox access decide owners" lets owners change their packages only; "codebox access decide open" keeps it';

/** `codebox access explain`: exit code 1 when it is not allowed. */
export async function explainAccess(
  { access, output }: Ports,
  { user, action, name }: { readonly user: string; readonly action: string; readonly name: string | undefined },
): Promise<ExitCode> {
  const known = ACTIONS.find((one) => one === action);
  if (!known) throw new UsageError(`${JSON.stringify(action)} is no action; there are ${ACTIONS.join(", ")}`);
  if (!UserName.safeParse(user).success) throw new UsageError(`${JSON.stringify(user)} is no user name`);
  const decision = await access.explain(user, known, name);
  const said = decision.allowed ? output.style("green", "allowed") : output.style("red", "refused");
  output.record({ user, action, package: name, ...decision }, `${said}: ${decision.rule}`);
  return decision.allowed ? 0 : 1;
}

/** `codebox access apply`: replaces the rights by those of a file; with `dryRun` lists what would change. */
export async function applyAccess(
  ports: Ports,
  { text, dryRun }: { readonly text: string; readonly dryRun: boolean },
): Promise<ExitCode> {
  const rights = await ports.access.read();
  return change(ports, rights, specIn(text), dryRun);
}

/** `codebox access decide`: the decision that a registry from before rights waits for. Organisations and private packages stay. */
export async function decideAccess(
  ports: Ports,
  { what, dryRun }: { readonly what: string; readonly dryRun: boolean },
): Promise<ExitCode> {
  if (what !== "owners" && what !== "open") throw new UsageError('decide "owners" or "open"');
  const rights = await ports.access.read();
  const { grants, create } = what === "owners" ? DEFAULT_RIGHTS : OPEN_RIGHTS;
  const kept = rights.grants.filter(({ to }) => to !== "everybody" && to !== "services");
  return change(ports, rights, { ...specOf(rights), grants: [...grants, ...kept], create }, dryRun);
}

async function change(
  { access, output }: Ports,
  before: Rights,
  after: RightsSpec,
  dryRun: boolean,
): Promise<ExitCode> {
  const { differences, total } = await access.compare(after);
  for (const { who, action, package: name, allowed, before: was, after: will } of differences)
    output.record(
      { who, action, package: name, allowed, before: was, after: will },
      `${allowed ? output.style("green", "+") : output.style("red", "-")} ${who} ${action} ${name} (${allowed ? will : was} → ${allowed ? "allowed" : will})`,
    );
  if (!dryRun) await access.replace(after);
  output.summary({ changed: !dryRun, dryRun, decisions: total, revision: before.revision + (dryRun ? 0 : 1) });
  return 0;
}

function specIn(text: string): RightsSpec {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the file is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = RightsSpec.safeParse(withoutOwn(value));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`${issue?.path.join(".") ?? "rights"}: ${issue?.message ?? "malformed"}`);
}
