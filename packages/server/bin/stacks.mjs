import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";

/**
 * Makes stack traces of the files in a directory name the sources, by the source maps beside the files.
 *
 * Node's own way, `--enable-source-maps`, reads every map at the start, which takes some 6 MiB. This reads a map with the first
 * stack trace that needs it.
 */
export function nameSources(directory) {
  const maps = new Map();
  const original = (place, file, line, column) => {
    if (!file.startsWith(directory.href)) return place;
    const { originalSource, originalLine, originalColumn } = entryOf(maps, file, Number(line), Number(column));
    if (originalSource === undefined) return place;
    return `${new URL(originalSource, file).href}:${originalLine + 1}:${originalColumn + 1}`;
  };
  Error.prepareStackTrace = (error, frames) =>
    [titleOf(error), ...frames.map((frame) => String(frame).replace(/(file:[^)]*?):(\d+):(\d+)/, original))].join(
      "\n    at ",
    );
}

function entryOf(maps, file, line, column) {
  try {
    if (!maps.has(file)) maps.set(file, new SourceMap(JSON.parse(readFileSync(new URL(`${file}.map`), "utf8"))));
    return maps.get(file).findEntry(line - 1, column - 1);
  } catch {
    // A stack trace of the built file is better than none: it is asked for to report another error.
    return {};
  }
}

/** An error may have a `toString` that fails. */
function titleOf(error) {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}
