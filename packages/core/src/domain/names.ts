import semver from "semver";
import validateName from "validate-npm-package-name";
import * as z from "zod";
import { CHANGE_ID_MAX, DEPRECATION_MAX, GROUP_MAX, NAME_MAX, TAG_MAX, VERSION_MAX } from "./limits.ts";

/**
 * What is wrong with a package name, or `undefined` when a new package may carry it.
 *
 * @example nameProblem("@acme/wire") // undefined
 * @example nameProblem("../etc") // "name cannot start with a period"
 */
export function nameProblem(name: string): string | undefined {
  if (name.length > NAME_MAX) return `a package name has at most ${NAME_MAX} characters`;
  // The library throws for half a surrogate pair.
  if (!name.isWellFormed()) return "name must be Unicode text";
  const verdict = validateName(name);
  if (verdict.validForNewPackages) return undefined;
  return [...(verdict.errors ?? []), ...(verdict.warnings ?? [])].join("; ");
}

/** Whether a package of this name may exist at all. Names that npm allowed in the past (capitals) can be read and changed. */
export function isReadableName(name: string): boolean {
  return name.length <= NAME_MAX && name.isWellFormed() && validateName(name).validForOldPackages;
}

/**
 * What is wrong with a dist-tag, or `undefined`. Tags share a name space with versions, so a semver range is refused,
 * as npm's client does (libnpmaccess, `npm dist-tag add`); a tag that begins with a letter other than v or x is never a range.
 * A tag must also need no escaping in a URL (npm-package-arg).
 *
 * @example tagProblem("next") // undefined
 * @example tagProblem("1.x") // 'the tag "1.x" is a valid semver range; …'
 */
export function tagProblem(tag: string): string | undefined {
  if (tag.length === 0) return "a tag must not be empty";
  if (tag.length > TAG_MAX) return `a tag has at most ${TAG_MAX} characters`;
  if (!/^[a-uwyzA-UWYZ_]/.test(tag) && semver.validRange(tag) !== null)
    return `the tag "${tag}" is a valid semver range; choose a name that is not, such as "v1-lts"`;
  if (!/^[A-Za-z0-9!~*'()_-][A-Za-z0-9!~*'()._-]*$/.test(tag) || tag === "__proto__")
    return `the tag ${JSON.stringify(tag)} is not legal; use letters, digits, "-", "_" and "."`;
  return undefined;
}

/**
 * What is wrong with a version, or `undefined`. It must be written exactly as semver prints it.
 *
 * @example versionProblem("1.0.0-rc.1") // undefined
 * @example versionProblem("v1.0") // '"v1.0" is not an exact semver version such as …'
 */
export function versionProblem(version: string): string | undefined {
  if (version.length <= VERSION_MAX && semver.valid(version) === version) return undefined;
  return `${JSON.stringify(version.slice(0, VERSION_MAX))} is not an exact semver version such as "1.2.3" or "2.0.0-rc.1"`;
}

const checked = (problem: (value: string) => string | undefined) =>
  z.string().check((context) => {
    const message = problem(context.value);
    if (message !== undefined) context.issues.push({ code: "custom", message, input: context.value });
  });

/** The name of a package that can be changed. Publishing a new package also checks `nameProblem`. */
export const PackageName = z
  .string()
  .refine(isReadableName, { error: (issue) => nameProblem(String(issue.input)) ?? "this is not a package name" })
  .meta({
    id: "PackageName",
    description: "The name of a package: wire or @acme/wire.",
    pattern: "^(?:@[A-Za-z0-9._!~*'()-]+/)?[A-Za-z0-9_!~*'()-][A-Za-z0-9._!~*'()-]*$",
    maxLength: NAME_MAX,
  });
/** A dist-tag; see `tagProblem`. */
export const Tag = checked(tagProblem).meta({
  id: "Tag",
  description: "A dist-tag. It must not be a semver range, such as 1.x.",
  pattern: "^[A-Za-z0-9!~*'()_-][A-Za-z0-9!~*'()._-]*$",
  maxLength: TAG_MAX,
});
/** An exact version; see `versionProblem`. */
export const Version = checked(versionProblem).meta({
  id: "Version",
  description: "An exact semver version without build metadata: 1.2.3 or 2.0.0-rc.1.",
  pattern: String.raw`^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?$`,
  maxLength: VERSION_MAX,
});
/** The message that installers print for a deprecated version; empty for no deprecation. */
export const DeprecationMessage = z
  .string()
  .max(DEPRECATION_MAX, `a deprecation message has at most ${DEPRECATION_MAX} characters`);

/** The id of a change. The sender chooses it; a change that is sent again with the same id is applied once. */
export const ChangeId = z
  .string()
  .min(1)
  .max(CHANGE_ID_MAX, `a change id has at most ${CHANGE_ID_MAX} characters`)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/, "a change id consists of letters, digits and _ . : -")
  .meta({ id: "ChangeId", description: "The id of a change. Its sender chooses it; the same id is applied once." });

/** The id of a release. Shorter than a change's, which begins with it. */
export const ReleaseId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_:-]{0,99}$/, "a release id has 1 to 100 letters, digits and _ : -");

/** A user's name, as it is used in URLs, maintainers and events. */
export const UserName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/,
    "a user name has 1 to 64 letters and digits; after the first also _ . @ -",
  )
  .meta({ id: "UserName", description: "The name of a user or of another service." });

/**
 * Who makes a change: a user, or a CI job as `workloadName` spells it.
 *
 * @example ActorName.parse("github:acme/wire")
 */
export const ActorName = z.union([
  UserName,
  z.string().regex(/^[a-z]+:[A-Za-z0-9._/-]{1,150}$/, "is not the name of a CI job, such as github:acme/wire"),
]);

/** A group of a sign-in provider, as rights name it: `github:acme/platform`, `oidc:Engineering`. */
export const ProviderGroup = z
  .string()
  .regex(
    /^(?:github|oidc):[^\s\p{C}](?:[^\p{C}]*[^\s\p{C}])?$/u,
    'must be a provider and a group, such as "github:acme/web"',
  )
  .max(GROUP_MAX);

/** Such a group where users and groups are named: `group:github:acme/platform`. */
export const GroupSubject = z
  .templateLiteral(["group:", z.string()])
  .refine(
    (text) => ProviderGroup.safeParse(text.slice("group:".length)).success,
    "is not a group of a sign-in provider",
  );
