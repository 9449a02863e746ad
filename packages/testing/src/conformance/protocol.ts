/** A list item, table row or paragraph of PROTOCOL.md that says MUST or SHOULD. */
export type Rule = {
  /** The ids in it; exactly one where the page is as it should be. */
  readonly ids: readonly string[];
  /** How many MUST and SHOULD it says; exactly one, likewise. */
  readonly keywords: number;
  readonly text: string;
};

/**
 * The rules in the text of PROTOCOL.md.
 *
 * @example protocolRules("- [TAG-7] A tag that is a semver range MUST be refused.") // [{ ids: ["TAG-7"], keywords: 1, … }]
 */
export function protocolRules(markdown: string): readonly Rule[] {
  return markdown
    .split(/\n\s*\n|\n(?=- |\|)/)
    .map((block) => ({
      ids: [...block.matchAll(/\[([A-Z]{3}-\d+)\]/g)].map(([, id]) => id ?? ""),
      keywords: [...block.matchAll(/\b(?:MUST|SHOULD)\b/g)].length,
      text: block.trim().replaceAll(/\s+/g, " "),
    }))
    .filter(({ ids, keywords, text }) => (keywords > 0 || ids.length > 0) && !text.includes("RFC 2119"));
}
