import type { Change } from "../domain/change.ts";
import { own } from "../domain/packument.ts";

/**
 * What a rule asks for. `required`: a fresh confirmation by a person. `automation`: the same, but tokens that were made for machines
 * with a confirmation (`--bypass-2fa`) need none.
 */
export const FACTOR_RULES = ["required", "automation", "off"] as const;
export type FactorRule = Exclude<(typeof FACTOR_RULES)[number], "off">;

/** The part of the rights that has the rules. */
type Ruled = { readonly secondFactor?: Readonly<Record<string, (typeof FACTOR_RULES)[number]>> | undefined };

/**
 * The rule for a package, by the closest pattern: the name, its scope, all. Without a name: for the rights themselves, which need a
 * confirmation as soon as anything does, because they could take a rule away. Pure.
 *
 * @example factorRuleOf({ ...rights, secondFactor: { "@acme/*": "required" } }, "@acme/wire") // "required"
 */
export function factorRuleOf({ secondFactor = {} }: Ruled, name?: string): FactorRule | undefined {
  if (name === undefined) {
    const rules = Object.values(secondFactor);
    return rules.includes("required") ? "required" : rules.includes("automation") ? "automation" : undefined;
  }
  const scope = name.startsWith("@") ? [`${name.slice(0, name.indexOf("/"))}/*`] : [];
  const closest = [name, ...scope, "**"]
    .map((pattern) => own(secondFactor, pattern))
    .find((rule) => rule !== undefined);
  return closest === "off" ? undefined : closest;
}

/**
 * Whether a rule counts for a change: it publishes or unpublishes, may move `latest`, or changes owners or rules. What a list of tags
 * or an undo moves is not known before it is applied, so these count.
 *
 * @example needsConfirmation({ type: "tag.put", tag: "next", … }) // false
 */
export function needsConfirmation(
  change: Pick<Change, "type"> & { readonly tag?: unknown; readonly tags?: unknown },
): boolean {
  switch (change.type) {
    case "star":
    case "deprecate":
    // A staged version is nobody's until its approval, which is a publish.
    case "stage":
    case "stage.reject":
      return false;
    case "tag.put":
    case "tag.remove":
      return change.tag === "latest";
    case "tags.merge":
      return own(Object(change.tags) as Record<string, unknown>, "latest") !== undefined;
    default:
      return true;
  }
}
