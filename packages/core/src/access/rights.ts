import * as z from "zod";
import { isReadableName, ProviderGroup, UserName } from "../domain/names.ts";
import { TagRules } from "../domain/tag-rule.ts";
import { Scope } from "../settings.ts";
import { FACTOR_RULES } from "./second-factor.ts";

/** What somebody may do with the packages of a pattern. Each has the rights of those before it. */
export const ROLES = ["read", "tag", "publish", "admin"] as const;
export type Role = (typeof ROLES)[number];
/** What a member of an organisation is. `owner` and `admin` have the role admin for its scope; a `developer` reads and creates. */
export const ORG_ROLES = ["developer", "admin", "owner"] as const;
export type OrgRole = (typeof ORG_ROLES)[number];

/** Most entries of one list in the rights. Every request looks through them. */
export const RIGHTS_MAX = 1_000;
/** Most scopes that have rules for tags. The largest rules of so many fill a tenth of the document. */
export const RULED_SCOPES_MAX = 100;
/** Most members of a team or of an organisation. */
export const MEMBERS_MAX = 2_000;
/** Changes of the rights that the document remembers. Older ones are in the versions of the object, on AWS. */
export const RIGHTS_HISTORY_MAX = 200;
/** Largest document, in bytes of JSON. It is parsed again after each change. */
export const RIGHTS_BYTES_MAX = 2 * 1024 * 1024;

/** The name of a team or an organisation. */
export const GroupName = z
  .string()
  .regex(/^[a-z0-9~-][a-z0-9._~-]{0,99}$/, "must have lower-case letters, digits and . _ ~ - (at most 100)");

/** Packages: all (`**`), those of a scope (`@acme/*`), or one (`wire`). */
export const Pattern = z
  .string()
  .refine(isPattern, 'must be "**", a scope such as "@acme/*", or the name of a package');

function isPattern(text: string): boolean {
  return (
    text === "**" ||
    (text.endsWith("/*") ? Scope.safeParse(text.slice(0, -2)).success : isReadableName(text) && !text.includes("*"))
  );
}

/**
 * Who has a right: `everybody` who is signed in, `services` (all services and workloads), or one of `user:alice`, `team:acme:web`,
 * `group:github:acme/web`, `service:deploy`, `workload:ci`.
 */
export const Subject = z
  .string()
  .refine(
    isSubject,
    'must be "everybody", "services", "user:NAME", "team:ORG:TEAM", "group:PROVIDER:GROUP", "service:NAME" or "workload:NAME"',
  );

function isSubject(text: string): boolean {
  const [kind, ...names] = text.split(":");
  if (kind === "everybody" || kind === "services") return names.length === 0;
  if (kind === "team") return names.length === 2 && names.every((name) => GroupName.safeParse(name).success);
  if (kind === "group") return ProviderGroup.safeParse(names.join(":")).success;
  const isKnown = kind === "user" || kind === "service" || kind === "workload";
  return isKnown && UserName.safeParse(names.join(":")).success;
}

const Members = <Value extends z.ZodType>(value: Value) =>
  z
    .record(UserName, value)
    .refine((members) => Object.keys(members).length <= MEMBERS_MAX, `at most ${MEMBERS_MAX} members`);
const entries = <Item extends z.ZodType>(item: Item) => z.array(item).max(RIGHTS_MAX, `at most ${RIGHTS_MAX} entries`);

/** All packages of a scope: `@acme/*`. */
const ScopePattern = z
  .string()
  .refine(
    (text) => text.startsWith("@") && text.endsWith("/*") && isPattern(text),
    'must be a scope, such as "@acme/*"',
  );

/** What an administrator decides. Unknown fields are refused. */
export const RightsSpec = z.strictObject({
  /** Roles by pattern. */
  grants: entries(z.strictObject({ to: Subject, role: z.enum(ROLES), on: Pattern })),
  /** Who may publish the first version of a package. The scope of an organisation is for its members instead. */
  create: entries(z.strictObject({ to: Subject, on: Pattern })),
  /** `private`: only for those who have a role, own the package or belong to the organisation. The closest pattern counts. */
  visibility: z.record(Pattern, z.enum(["private", "public"])),
  orgs: z.record(
    GroupName,
    z.strictObject({
      members: Members(z.enum(ORG_ROLES)),
      teams: z.record(GroupName, z.array(UserName).max(MEMBERS_MAX, `a team has at most ${MEMBERS_MAX} members`)),
    }),
  ),
  /** Where publishing, moving `latest`, and changing owners and rights need a second factor. The closest pattern counts. Default: nowhere. */
  secondFactor: z.record(Pattern, z.enum(FACTOR_RULES)).default({}),
  /** Users who may do nothing, whatever else the rights say. Default: nobody. */
  disabled: entries(UserName).default([]),
  /** The rules for tags that hold in all packages of a scope, beside the package's own. Absent: there are none. */
  rules: z
    .record(ScopePattern, TagRules)
    .refine((rules) => Object.keys(rules).length <= RULED_SCOPES_MAX, `at most ${RULED_SCOPES_MAX} scopes have rules`)
    .optional(),
});
/**
 * Who may do what in a registry.
 *
 * @example
 * { "grants": [{ "to": "team:acme:web", "role": "publish", "on": "@acme/*" }], "create": [{ "to": "everybody", "on": "**" }],
 *   "visibility": { "@acme/*": "private" }, "orgs": { "acme": { "members": { "alice": "owner" }, "teams": { "web": ["bob"] } } } }
 */
export type RightsSpec = z.input<typeof RightsSpec>;
/** The same with every list. */
export type CompleteRights = z.output<typeof RightsSpec>;

/** The document as stored, in `_codebox/access/rights.json`. */
export const Rights = RightsSpec.extend({
  schema: z.literal(1),
  /** Increases by one with every change. */
  revision: z.int().nonnegative(),
  /** Whether an administrator decided; otherwise a registry from before rights grants what was possible, and warns. */
  decided: z.boolean(),
  history: z.array(z.strictObject({ at: z.string(), by: z.string(), what: z.string() })),
});
export type Rights = z.infer<typeof Rights>;

/** The rights of a new registry: everybody who is signed in reads and creates; owners change their packages. */
export const DEFAULT_RIGHTS: Rights = {
  schema: 1,
  revision: 0,
  visibility: {},
  orgs: {},
  secondFactor: {},
  disabled: [],
  history: [],
  decided: true,
  grants: [],
  create: [{ to: "everybody", on: "**" }],
};

/** The rights of a registry from before rights: everybody who is signed in, and every service, may change every package. */
export const OPEN_RIGHTS: Rights = {
  ...DEFAULT_RIGHTS,
  decided: false,
  grants: [
    { to: "everybody", role: "admin", on: "**" },
    { to: "services", role: "admin", on: "**" },
  ],
};

/**
 * Whether a pattern is about a package.
 *
 * @example matchesPattern("@acme/*", "@acme/wire") // true
 */
export function matchesPattern(pattern: string, name: string): boolean {
  if (pattern === "**") return true;
  return pattern.endsWith("/*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
