import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import GithubSlugger from "github-slugger";
import { describe, expect, test } from "vitest";
import { ROOT } from "../support/registry.ts";

const files = execFileSync("git", ["ls-files", "*.md"], { cwd: ROOT, encoding: "utf8" }).split("\n").filter(Boolean);
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(file: string): ReadonlySet<string> {
  const slugger = new GithubSlugger();
  const text = read(file).replaceAll(/^ *```[\s\S]*?^ *```/gm, "");
  return new Set([...text.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = ""]) => slugger.slug(heading)));
}

describe.each(files)("%s", (file) => {
  test("links to files and headings that exist", () => {
    const links = [...read(file).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const isBroken = (link: string) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? file : join(dirname(file), path);
      return !existsSync(join(ROOT, target)) || (anchor !== undefined && !anchorsOf(target).has(anchor));
    };
    expect(links.filter(isBroken)).toEqual([]);
  });
  test("names paths of the repository that exist", () => {
    const paths = [...read(file).matchAll(/`((?:packages|tests|scripts|stacks|docs|examples|bench)\/[\w./-]+)`/g)];
    // A recipe says "Write `<path>`" for a file that its reader creates.
    const isNew = (index: number) => /\bWrite $/.test(read(file).slice(0, index));
    const named = paths.filter(({ index }) => !isNew(index)).map(([, path = ""]) => path);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
  test("names npm scripts that exist", () => {
    const named = [...read(file).matchAll(/\bnpm run ([a-z][a-z:-]*)/g)].map(([, name]) => name ?? "");
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});
