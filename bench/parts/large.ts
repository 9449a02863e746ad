import { startCodebox, startVerdaccio, type Contender } from "../contenders.ts";
import {
  ABBREVIATED,
  documentOf,
  publish,
  releaseOf,
  seedCodebox,
  seedVerdaccio,
  send,
  type Release,
} from "../packages.ts";
import { medianMs, type Part } from "../rows.ts";
import { registries } from "./shared.ts";

/** No further request of a row after so many milliseconds. */
const LIMIT_MS = 15_000;

/** Changes of packages with few and with very many versions. */
export const large: Part = {
  title: "Large packages",
  about:
    "One client, one request after the other: milliseconds a request. A changed document is read with the ETag from before the change, so that all of it is sent again; one that is unchanged is answered with 304.",
  run: (context) => {
    const sizes = context.quick ? [50, 500] : [50, 500, 5_000];
    const documents = () => sizes.map((size) => documentOf(nameOf(size), size));
    const starts = [
      () => startCodebox({ seed: seedCodebox(documents()) }),
      () => startVerdaccio({ seed: seedVerdaccio(documents()) }),
    ];
    return registries(context, starts, async (contender, add) => {
      const count = context.quick ? 5 : 25;
      for (const size of sizes) {
        const row = (what: string) =>
          ({ title: `${what}, ${size} versions`, unit: "ms", series: { name: what, size } }) as const;
        const path = `/-/package/${nameOf(size)}/dist-tags/next`;
        const change = (index: number) => send(contender, path, `1.${index % 40}.0`);
        add(row("tag change"), await medianMs(count, LIMIT_MS, change));
        const releases = Array.from({ length: count }, (_, index) => releaseOf(nameOf(size), `2.${index}.0`));
        const publishNext = (index: number) => publish(contender, releases[index] as Release);
        add(row("publish"), await medianMs(count, LIMIT_MS, publishNext));
        let etag = await read(contender, nameOf(size), "");
        const unchanged = async () => void (etag = await read(contender, nameOf(size), etag));
        add(row("conditional GET, unchanged"), await medianMs(count, LIMIT_MS, unchanged));
        const times: number[] = [];
        const until = performance.now() + LIMIT_MS;
        for (let index = 0; index < count && performance.now() < until; index++) {
          await send(contender, path, `1.${index % 2}.0`);
          const began = performance.now();
          etag = await read(contender, nameOf(size), etag);
          times.push(performance.now() - began);
        }
        const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
        add(row("conditional GET after a change"), { figure: Number(median.toPrecision(3)) });
      }
    });
  },
};

const nameOf = (size: number) => `bench-large-${size}`;

/** Returns the ETag that the next conditional request sends. */
async function read({ url }: Contender, name: string, etag: string): Promise<string> {
  const headers = { accept: ABBREVIATED, "accept-encoding": "gzip", "if-none-match": etag };
  const response = await fetch(`${url}/${name}`, { headers });
  await response.arrayBuffer();
  if (response.status !== 200 && response.status !== 304)
    throw new Error(`GET /${name} was answered with ${response.status}`);
  return response.headers.get("etag") ?? etag;
}
