import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { PYTHON } from "../../scripts/moto.ts";
import { PYTHON_LEAST } from "../../scripts/python-server.ts";
import { ROOT } from "../support/registry.ts";

test("the Python that README and scripts/python-server.ts ask for is the least that every pinned package takes", async () => {
  const least: number[] = [];
  for await (const file of glob(join(dirname(PYTHON), "../lib/python3*/site-packages/*.dist-info/METADATA"))) {
    const minor = /^Requires-Python:.*>=\s*3\.(\d+)/m.exec(await readFile(file, "utf8"))?.[1];
    if (minor !== undefined) least.push(Number(minor));
  }
  expect(`3.${Math.max(...least)}`).toBe(PYTHON_LEAST);
  expect(await readFile(join(ROOT, "README.md"), "utf8")).toContain(`needs Python ${PYTHON_LEAST} or newer`);
});
