import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { prepare } from "@codebox/core";
import { expect, test } from "vitest";
import { createPrepare } from "../src/prepare-thread.ts";

const documentOf = (versions: number) =>
  Buffer.from(
    JSON.stringify({
      name: "wire",
      versions: Object.fromEntries(
        Array.from({ length: versions }, (_, at) => [
          `1.0.${at}`,
          {
            name: "wire",
            version: `1.0.${at}`,
            readme: "words ".repeat(500),
            dist: { tarball: "http://up.example/a" },
          },
        ]),
      ),
    }),
  );

test("a document is the same whether the thread or the caller parses it", async () => {
  const bytes = documentOf(3);
  expect(await createPrepare(0)("wire", bytes, "full")).toEqual(prepare("wire", bytes, "full"));
});
test("what is no document is told apart in the thread too, and the thread goes on", async () => {
  const inThread = createPrepare(0);
  expect(await inThread("wire", Buffer.from("<html>"), "full")).toMatchObject({ kind: "malformed" });
  expect(await inThread("other", documentOf(1), "full")).toMatchObject({ kind: "malformed" });
  expect(await inThread("wire", documentOf(1), "full")).toMatchObject({ kind: "prepared" });
});
test("the loop is blocked for a small part of the time that a large document takes", async () => {
  const bytes = documentOf(5_000);
  const inThread = createPrepare();
  // Starts the thread.
  await inThread("wire", bytes, "full");
  const started = performance.now();
  prepare("wire", bytes, "full");
  const here = performance.now() - started;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await inThread("wire", bytes, "full");
  delay.disable();
  const blocked = delay.max / 1e6;
  console.info(
    `${(bytes.length / 2 ** 20).toFixed(1)} MiB: ${here.toFixed(0)} ms here, the loop stood ${blocked.toFixed(0)} ms`,
  );
  expect(blocked).toBeLessThan(here / 2);
});
