import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS } from "./clients.ts";
import type { Cannot, Words } from "./words.ts";

/** A row of docs/clients.md: an operation, and a client's word for it. A text is shown as it is. */
const ROWS: readonly (readonly [operation: string, word: (words: Words) => unknown])[] = [
  ["install, with a lock file", ({ install }) => install.length],
  ["install from the lock file only", ({ frozen }) => frozen.length],
  ["install a package of the upstream", ({ install }) => install.length],
  ["a scoped name with an encoded slash", ({ install }) => install.length],
  ["the packument that it asks for", ({ form }) => form],
  ["304 for a packument that did not change", ({ refresh }) => refresh],
  ["`npm-shrinkwrap.json` of a dependency", ({ shrinkwrap }) => can(shrinkwrap)],
  ["publish, also under a tag", ({ publish }) => publish],
  ["publish with bundled dependencies", ({ bundled }) => can(bundled)],
  ["publish of `1.0.0+build` as `1.0.0`", ({ publish }) => publish],
  ["publish of `2024.01.05` as `2024.1.5`", ({ oddVersion }) => can(oddVersion)],
  ["repeats a publish without an answer", ({ retry }) => can(retry)],
  ["dist-tag add, list, remove", ({ tag }) => tag],
  ["deprecate, undeprecate", ({ deprecate }) => deprecate],
  ["unpublish of a version", ({ unpublish }) => unpublish],
  ["owner add", ({ owner }) => owner],
  ["owner remove", ({ disown }) => disown],
  ["access: list collaborators", ({ collaborators }) => collaborators],
  ["star, stars", ({ star }) => star],
  ["search", ({ search }) => search],
  ["view", ({ view }) => view],
  ["whoami", ({ whoami }) => whoami],
  ["login with name and password", ({ login }) => login],
  ["logout revokes the token", ({ logout }) => logout],
  ["token create, list, revoke", ({ token }) => token],
  ["profile get", ({ profile }) => profile],
  ["audit", ({ audit }) => audit],
];

/** A word that is only there to say that a client can. */
function can(word: string | Cannot): unknown {
  return typeof word === "string" ? undefined : word;
}

/**
 * The tables of docs/clients.md, from the same words as the tests.
 *
 * @example clientsTables() // "| client | version |\n…"
 */
export function clientsTables(): string {
  const reasons: string[] = [];
  const letter = (reason: string) => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return String.fromCodePoint("a".codePointAt(0)! + reasons.indexOf(reason));
  };
  const cell = (word: unknown) => {
    if (typeof word === "string") return word;
    return typeof word === "object" && word !== null && "cannot" in word ? letter(String(word.cannot)) : "✓";
  };
  const columns = CLIENTS.map(({ name }) => name);
  const rows = ROWS.map(([operation, word]) => [operation, ...CLIENTS.map(({ words }) => cell(word(words)))]);
  return [
    table([
      ["client", ...columns],
      ["version", ...CLIENTS.map(({ name }) => versionOf(name))],
    ]),
    table([["", ...columns], ...rows]),
    reasons.map((reason) => `- ${letter(reason)}: ${reason}`).join("\n"),
  ].join("\n\n");
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** As tests/clients/package.json pins it. */
function versionOf(client: string): string {
  const { devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(import.meta.dirname, "package.json"), "utf8"),
  ) as Record<"devDependencies" | "optionalDependencies", Readonly<Record<string, string>>>;
  const programs: Readonly<Record<string, string>> = { "pnpm 12": "@pnpm/", bun: "@oven/", deno: "@deno/" };
  const scope = programs[client];
  const pinned = scope
    ? Object.entries(optionalDependencies).find(([name]) => name.startsWith(scope))?.[1]
    : devDependencies[client.replace(" ", "-")];
  return pinned?.slice(pinned.lastIndexOf("@") + 1) ?? "";
}
