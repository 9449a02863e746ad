// Plain JavaScript: to load TypeScript takes Node a part of the start that the build is there to save.
import { readFileSync, statSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
import { nameSources } from "./stacks.mjs";

const ROOT = new URL("../../../", import.meta.url);

/**
 * Runs the server: from the build in this directory if it was made from the sources as they are now, else from the sources.
 *
 * @example await launch(new URL("../../../dist/server/", import.meta.url))
 */
export async function launch(build) {
  if (!isFresh(build)) return void (await import("../src/main.ts"));
  enableCompileCache(new URL("cache/", build).pathname);
  nameSources(build);
  // What the start creates and drops would make the young generation grow, and it keeps its size: some 8 MiB in an idle server.
  setFlagsFromString("--semi-space-growth-factor=1");
  await import(new URL("main.mjs", build).href);
  setFlagsFromString("--semi-space-growth-factor=2");
}

/** Whether every file that the build was made from has the size and the modification time that it had then. */
function isFresh(build) {
  const sources = sourcesOf(build);
  return sources?.every(({ path, size, mtimeMs }) => {
    const now = statSync(new URL(path, ROOT), { throwIfNoEntry: false });
    return now?.size === size && now.mtimeMs === mtimeMs;
  });
}

function sourcesOf(build) {
  try {
    return JSON.parse(readFileSync(new URL("sources.json", build), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
