import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new directory; the test removes it. */
export const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), "codebox-sqlite-"));
