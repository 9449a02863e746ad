import { execFile, execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import type autocannonFunction from "autocannon";

// Installed by `npm run bench` into bench/node_modules only.
const autocannon = createRequire(import.meta.url)("autocannon") as typeof autocannonFunction;
const run = promisify(execFile);

export type Measured = {
  /** Requests a second. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
};

/** wrk costs the machine that both share a small part of what autocannon does. */
export const hasWrk: boolean = (() => {
  try {
    execFileSync("wrk", ["--version"], { stdio: "ignore" });
    return true;
  } catch (error) {
    // It ends with 1 after its version.
    return (error as { code?: string }).code !== "ENOENT";
  }
})();

/** Sends one GET again and again. */
export function getRate(
  url: string,
  headers: Readonly<Record<string, string>>,
  connections: number,
  seconds: number,
): Promise<Measured> {
  return hasWrk ? byWrk(url, headers, connections, seconds) : byAutocannon({ url, headers, connections, seconds });
}

/** Sends requests of which each may be different. */
export async function byAutocannon({
  url,
  headers,
  connections,
  seconds,
  method = "GET",
  next,
}: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
  readonly method?: "GET" | "PUT";
  readonly next?: () => { readonly path: string; readonly body: string };
}): Promise<Measured> {
  const request = { method, headers: { ...headers } };
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: [next ? { ...request, setupRequest: (one) => ({ ...one, ...next() }) } : request],
  });
  return {
    perSecond: Math.round(result.requests.average),
    p50: result.latency.p50,
    p99: result.latency.p99,
    failed: result.non2xx + result.errors,
  };
}

async function byWrk(
  url: string,
  headers: Readonly<Record<string, string>>,
  connections: number,
  seconds: number,
): Promise<Measured> {
  const flags = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const counts = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "30s", "--latency"];
  const { stdout } = await run("wrk", [...counts, ...flags, url]);
  const found = (pattern: RegExp) => pattern.exec(stdout)?.[1];
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  return {
    perSecond: Math.round(Number(found(/Requests\/sec:\s+([\d.]+)/) ?? Number.NaN)),
    p50: milliseconds(found(/^\s+50%\s+(\S+)/m)),
    p99: milliseconds(found(/^\s+99%\s+(\S+)/m)),
    failed:
      Number(found(/Non-2xx or 3xx responses: (\d+)/) ?? 0) + errors.reduce((sum, count) => sum + Number(count), 0),
  };
}

/** @example milliseconds("1.24ms") // 1.24 */
function milliseconds(text = ""): number {
  const [, amount, unit = ""] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factor = { us: 0.001, ms: 1, s: 1_000, m: 60_000 }[unit] ?? Number.NaN;
  return Number((Number(amount) * factor).toFixed(2));
}
