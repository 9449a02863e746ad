import * as z from "zod";
import { nameProblem, UserName } from "./domain/names.ts";
import { SERVICE_ACTIONS } from "./access/services.ts";
import { WORKLOAD_TYPES, type WorkloadType } from "./ports/workloads.ts";

// Settings that several hosts have, each read by one rule. The hosts declare their names, defaults and help.

/** A setting that is on or off. */
export const Switch = z.stringbool({ error: 'must be "true" or "false"' });

/** The URL of another registry. */
export const HttpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL, such as "https://registry.acme.example"' })
  .check(({ value, issues }) => {
    const { search, hash, username, password } = URL.parse(value) ?? {};
    const refuse = (message: string) => issues.push({ code: "custom", message, input: value });
    if (search || hash) refuse("must have no query and no fragment: paths are appended to it");
    if (username || password)
      refuse("must hold no user and password; CODEBOX_UPSTREAM_TOKEN is for the upstream's token");
  });

/** A bearer token for another server. */
export const BearerToken = z.string().regex(/^[\x21-\x7e]+$/, "must be a token: printable characters without spaces");

/**
 * Where clients reach the registry, without a slash at its end.
 *
 * @example PublicUrl.parse("https://npm.acme.example/") // "https://npm.acme.example"
 */
export const PublicUrl = HttpUrl.transform((value) => value.replace(/\/+$/, ""));

/**
 * A list of texts with commas between, spaces allowed around each. Empty ones are left out.
 *
 * @example commaList(z.string()).parse("a, b,") // ["a", "b"]
 */
export function commaList<Item extends z.ZodType<string, string>>(item: Item) {
  return z
    .string()
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(item));
}

/**
 * Names of packages that never come from the upstream, as a setting spells them.
 *
 * @example Names.parse("wire, @acme/wire") // ["wire", "@acme/wire"]
 */
export const Names = commaList(
  z.string().refine((name) => nameProblem(name) === undefined, 'must list package names, such as "wire,@acme/wire"'),
);

/** A scope as npm has it: an `@` and a name that may be part of a URL. */
const SCOPE = /^@[a-z0-9~-][a-z0-9._~-]*$/;

/** One scope, for example `@acme`. */
export const Scope = z.string().max(214).regex(SCOPE, 'must be a scope, such as "@acme"');

/**
 * The scopes that never come from the upstream, as a setting spells them: separated by commas, spaces allowed around each.
 *
 * @example Scopes.parse("@acme, @acme-labs") // ["@acme", "@acme-labs"]
 * The server, the functions and the stacks read their setting with it, so all of them accept the same spellings.
 */
export const Scopes = commaList(
  z.string().regex(SCOPE, 'must list scopes separated by commas, such as "@acme,@acme-labs"'),
);

/** `name=sender:action+action`. The sender is an IAM unique id. Source: IAM User Guide, "IAM identifiers", unique identifiers. */
const SERVICE = /^(?<name>[^=]+)=(?<sender>[A-Z0-9]{12,128}):(?<actions>[a-z+]+)$/;
const Service = z.strictObject({
  name: UserName,
  sender: z.string(),
  actions: z.array(z.enum(SERVICE_ACTIONS, `the actions of a service are ${SERVICE_ACTIONS.join(", ")}`)).readonly(),
});

/**
 * The services that may do more than change tags, as a setting spells them.
 *
 * @example Services.parse("release=AROAEXAMPLEID:tag+deprecate") // [{ name: "release", sender: "AROAEXAMPLEID", actions: ["tag", "deprecate"] }]
 */
export const Services = commaList(
  z.string().regex(SERVICE, 'must list services separated by commas, such as "release=AROAEXAMPLEID:tag+deprecate"'),
)
  .transform((entries): unknown =>
    entries.map((entry) => {
      const { actions = "", ...fields } = SERVICE.exec(entry)?.groups ?? {};
      return { ...fields, actions: actions.split("+") };
    }),
  )
  .pipe(z.array(Service));

/** An issuer of ID tokens that the operator trusts to say who a CI job is. */
export type WorkloadIssuer = { readonly type: WorkloadType; readonly issuer: string };

/**
 * Issuers of ID tokens for CI jobs, separated by commas: a URL, or `github=` or `gitlab=` and the URL of one's own host.
 *
 * @example WorkloadIssuers.parse("github=https://github.acme.example/_services/token")
 */
export const WorkloadIssuers = commaList(z.string()).transform((items, context): readonly WorkloadIssuer[] =>
  items.flatMap((item) => {
    const [, given, issuer] = /^(?:([a-z]+)=)?(.+)$/.exec(item) ?? [];
    const type = given === undefined ? "oidc" : WORKLOAD_TYPES.find((known) => known === given);
    if (type && issuer !== undefined && isIssuer(issuer)) return [{ type, issuer }];
    const message = `must list https URLs, each perhaps behind ${WORKLOAD_TYPES.join("=, ")}=`;
    context.issues.push({ code: "custom", message, input: item });
    return [];
  }),
);

/** Discovery appends a path, so there is no query. */
function isIssuer(text: string): boolean {
  const { search, hash, username } = URL.parse(text) ?? {};
  return isSecureUrl(text) && !search && !hash && !username;
}

/** Whether what a URL answers can be trusted to come from there: https, or a server of this machine. */
export function isSecureUrl(text: string): boolean {
  const { protocol, hostname } = URL.parse(text) ?? {};
  return protocol === "https:" || (protocol === "http:" && (hostname === "127.0.0.1" || hostname === "localhost"));
}
