import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { makeTarball } from "@codebox/testing";
import { CHECKS, createRegistry, runCheck, type Registry, type Target } from "@codebox/testing/conformance";
import { test } from "vitest";

/**
 * Every check of PROTOCOL.md as a test of its own. `target` is called once, by the first check.
 *
 * @param sections only the checks of these, such as `["REL"]`
 */
export function conformanceTests(target: () => Target, sections?: readonly string[]): void {
  let registry: Registry | undefined;
  const isChosen = (id: string) => sections === undefined || sections.includes(id.replace(/-.*/, ""));
  for (const check of CHECKS.filter(({ ids }) => ids.some(isChosen)))
    test(`${check.ids.join(" ")}: ${check.title}`, async ({ skip }) => {
      registry ??= createRegistry(target());
      const { outcome, reason } = await runCheck(check, registry);
      if (outcome === "skipped") skip(reason);
      if (outcome === "failed") throw new Error(`seed ${registry.seed}: ${reason}`);
    });
}

export type Upstream = { readonly url: string; readonly package: string; close(): void };

/** A registry with one package, for checks that need an upstream. */
export async function startUpstream(): Promise<Upstream> {
  const { bytes, integrity } = makeTarball({ name: "left", version: "1.0.0" });
  const server = createServer((request, response) => {
    if (request.url?.endsWith(".tgz")) return void response.end(bytes);
    if (request.url !== "/left") return void response.writeHead(404).end("{}");
    const dist = { integrity, tarball: `http://${request.headers.host}/left/-/left-1.0.0.tgz` };
    const versions = { "1.0.0": { name: "left", version: "1.0.0", dist } };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ name: "left", "dist-tags": { latest: "1.0.0" }, versions }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    package: "left",
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
