import * as z from "zod";
import { WORKLOAD_TYPES, type Workload, type WorkloadType } from "../ports/workloads.ts";

/** What a trust rule allows a CI job. Closed. `tag`: move tags only. `publish`: publish, and move tags. `stage`: staged publishes. */
export const TRUST_PERMISSIONS = ["publish", "stage", "tag"] as const;
export type TrustPermission = (typeof TRUST_PERMISSIONS)[number];

/** Most rules of one package or scope. A scope of a hundred repositories has one rule each. */
export const TRUST_RULES_MAX = 100;
/** Most claims that a rule names, and the longest value of one, in characters. */
const CLAIMS_MAX = 20;
const CLAIM_MAX = 512;

const Text = z.string().min(1).max(CLAIM_MAX);
/**
 * What a claim must be. A text: the same. A list: every one of these. `{ file }`: the file in a path such as
 * `acme/wire/.github/workflows/release.yml@refs/heads/main`, in the repository of the rule.
 */
const Expected = z.union([Text, z.array(Text).min(1).max(CLAIMS_MAX), z.strictObject({ file: Text })]);
export const TrustClaims = z
  .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_./-]{0,99}$/, "is not the name of a claim"), Expected)
  .refine((claims) => Object.keys(claims).length <= CLAIMS_MAX, `a rule names at most ${CLAIMS_MAX} claims`);
export type TrustClaims = z.infer<typeof TrustClaims>;

/** A trust rule: which CI jobs may do what with a package, or with every package of a scope. */
export const TrustRule = z.object({
  id: z.string(),
  type: z.enum(WORKLOAD_TYPES),
  /** For the type `oidc`, which has several issuers. */
  issuer: z.string().exactOptional(),
  claims: TrustClaims,
  permissions: z.array(z.enum(TRUST_PERMISSIONS)).min(1),
  /** Ids of the repository that the first job had. A renamed or re-registered name has others, and is refused. */
  pinned: z.record(z.string(), z.string()).exactOptional(),
  /** Who made the rule, and when (ISO 8601). */
  by: z.string(),
  created: z.string(),
});
export type TrustRule = z.infer<typeof TrustRule>;

/** How the claims of a CI system are read. */
type System = {
  /** Without these claims a rule would trust more than one project. */
  readonly required: readonly string[];
  /** The claim that names the project. Its value is compared without regard to capitals, as the hosts do. */
  readonly project?: string;
  /** What stands between the project and the file in a `{ file }` claim. */
  readonly fileAfter?: string;
  /** Ids that stay the same when a project is renamed, and change when its name is registered again. */
  readonly ids: readonly string[];
};

const CIRCLE = "oidc.circleci.com/";
/** Sources: GitHub, GitLab and CircleCI, their documentation of the claims of ID tokens. */
const SYSTEMS: Readonly<Record<WorkloadType, System>> = {
  github: {
    required: ["repository", "workflow_ref"],
    project: "repository",
    fileAfter: "/.github/workflows/",
    ids: ["repository_id", "repository_owner_id"],
  },
  gitlab: {
    required: ["project_path", "ci_config_ref_uri"],
    project: "project_path",
    fileAfter: "//",
    ids: ["project_id", "namespace_id"],
  },
  circleci: { required: ["org-id", "project-id", "pipeline-definition-id"].map((name) => CIRCLE + name), ids: [] },
  oidc: { required: ["sub"], ids: [] },
};

/**
 * What a rule lacks, or `undefined`.
 *
 * @example trustProblem({ type: "github", claims: { repository: "acme/wire" } }) // 'a rule for github names the claim "workflow_ref"'
 */
export function trustProblem({
  type,
  issuer,
  claims,
}: Pick<TrustRule, "type" | "issuer" | "claims">): string | undefined {
  const missing = SYSTEMS[type].required.find((claim) => !Object.hasOwn(claims, claim));
  if (missing !== undefined) return `a rule for ${type} names the claim "${missing}"`;
  if (type === "oidc" && issuer === undefined) return `a rule for oidc names its "issuer"`;
  const project = claims[SYSTEMS[type].project ?? ""];
  if (SYSTEMS[type].project !== undefined && (typeof project !== "string" || !project.includes("/")))
    return `"${SYSTEMS[type].project}" is the owner and the name, such as "acme/wire"`;
  return undefined;
}

/**
 * Whether a rule trusts a CI job.
 *
 * @example trusts(rule, workload) // { ok: false, problem: 'the claim "environment" is "staging", not "production"' }
 */
export function trusts(rule: TrustRule, { type, issuer, claims }: Workload): { readonly ok: true } | Mismatch {
  if (rule.type !== type) return mismatch(`it is for ${rule.type}, not for ${type}`);
  if (rule.issuer !== undefined && rule.issuer !== issuer) return mismatch("it is for another issuer");
  for (const [name, expected] of Object.entries(rule.claims)) {
    const found = textOf(Object.hasOwn(claims, name) ? claims[name] : undefined);
    if (!meets(rule, name, found, expected))
      return mismatch(`the claim "${name}" is ${JSON.stringify(found ?? null)}, not ${JSON.stringify(expected)}`);
  }
  for (const [name, id] of Object.entries(rule.pinned ?? {}))
    if (textOf(claims[name]) !== id)
      return mismatch(`the claim "${name}" is not the one of this rule's first job: another project has its name now`);
  return { ok: true };
}

type Mismatch = { readonly ok: false; readonly problem: string };
const mismatch = (problem: string): Mismatch => ({ ok: false, problem });

/** The ids to pin at a rule's first use; `undefined` when its system has none. */
export function idsOf({ type, claims }: Workload): Readonly<Record<string, string>> | undefined {
  const ids = SYSTEMS[type].ids.flatMap((name) => {
    const id = textOf(claims[name]);
    return typeof id === "string" ? [[name, id] as const] : [];
  });
  return ids.length > 0 ? Object.fromEntries(ids) : undefined;
}

/**
 * A CI job's name, for records and logs.
 *
 * @example workloadName(workload) // "github:acme/wire"
 */
export function workloadName({ type, claims }: Workload): string {
  const { project } = SYSTEMS[type];
  const named = textOf(claims[project ?? "sub"]);
  const text = typeof named === "string" ? named : "unknown";
  return `${type}:${text.replace(/[^A-Za-z0-9._/-]+/g, "-").slice(0, 150)}`;
}

function meets(
  rule: TrustRule,
  name: string,
  found: string | readonly string[] | undefined,
  expected: TrustClaims[string],
) {
  if (Array.isArray(expected)) return Array.isArray(found) && expected.every((one) => found.includes(one));
  if (typeof found !== "string") return false;
  const { project, fileAfter } = SYSTEMS[rule.type];
  if (typeof expected !== "string") return fileAfter !== undefined && fileOf(rule, found, fileAfter) === expected.file;
  if (name === project) return found.toLowerCase() === expected.toLowerCase();
  // `refs/tags/*`: every tag.
  if (name === "ref" && expected.endsWith("*")) return found.startsWith(expected.slice(0, -1));
  return found === expected;
}

/** The file in `acme/wire/.github/workflows/release.yml@ref` or `gitlab.com/acme/wire//.gitlab-ci.yml@ref`, if it is the project's own. */
function fileOf({ type, claims }: TrustRule, found: string, fileAfter: string): string | undefined {
  const at = found.indexOf("@");
  const path = at < 0 ? found : found.slice(0, at);
  const cut = path.indexOf(fileAfter);
  if (cut < 0) return undefined;
  // GitLab puts its host in front of the project.
  const before = type === "gitlab" ? path.slice(path.indexOf("/") + 1, cut) : path.slice(0, cut);
  const project = claims[SYSTEMS[type].project ?? ""];
  const isOwn = typeof project === "string" && before.toLowerCase() === project.toLowerCase();
  return isOwn ? path.slice(cut + fileAfter.length) : undefined;
}

/** A claim as text, or as a list of texts; `undefined` for any other value. GitLab sends numbers and booleans as texts. */
function textOf(claim: unknown): string | readonly string[] | undefined {
  if (typeof claim === "string") return claim;
  if (typeof claim === "number" || typeof claim === "boolean") return String(claim);
  return Array.isArray(claim) && claim.every((one) => typeof one === "string") ? claim : undefined;
}
