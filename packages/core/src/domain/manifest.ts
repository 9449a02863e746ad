import { JSON_DEPTH_MAX, MANIFEST_VALUES_MAX, README_MAX } from "./limits.ts";
import type { Manifest, Packument } from "./packument.ts";

/** The fields of the packument that repeat the latest version's, as npm's registry keeps them. */
export const DESCRIBING = [
  "description",
  "keywords",
  "homepage",
  "repository",
  "author",
  "bugs",
  "license",
  "contributors",
  "readmeFilename",
] as const;

/**
 * The packument with the fields that describe its latest version: `DESCRIBING` and the readme.
 *
 * Fields that this version lacks keep their old value. A readme is cut at `README_MAX`.
 */
export function described(packument: Packument, latest: Manifest, readme: unknown): Packument {
  const fields: Record<string, unknown> = {};
  for (const field of DESCRIBING) if (latest[field] !== undefined) fields[field] = latest[field];
  if (typeof readme === "string" && readme !== "") fields["readme"] = readme.slice(0, README_MAX);
  return { ...packument, ...fields };
}

/**
 * Why a manifest is refused before anything copies it or writes it out: what does so works by recursion.
 *
 * @example manifestProblem({ exports: deep }) // "a package.json has at most 20000 values, nested at most 64 deep"
 */
export function manifestProblem(manifest: Readonly<Record<string, unknown>>): string | undefined {
  const waiting: (readonly [value: unknown, depth: number])[] = [[manifest, 0]];
  let values = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [value, depth] = next;
    if (++values + waiting.length > MANIFEST_VALUES_MAX || depth > JSON_DEPTH_MAX)
      return `a package.json has at most ${MANIFEST_VALUES_MAX} values, nested at most ${JSON_DEPTH_MAX} deep`;
    if (typeof value !== "object" || value === null) continue;
    for (const item of Object.values(value)) waiting.push([item, depth + 1]);
  }
  return undefined;
}

/**
 * Any value of somebody's JSON as a message shows it. `String` throws for an object with a `toString` of its own.
 *
 * @example shownValue({ toString: 1 }) // '{"toString":1}'
 */
export function shownValue(value: unknown): string {
  return (typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing")).slice(0, 200);
}
