import { setTimeout as delay } from "node:timers/promises";
import { startCodebox, startVerdaccio, type Contender } from "../contenders.ts";
import { documentOf, seedCodebox, seedVerdaccio } from "../packages.ts";
import { medianMs, type Part, type Row } from "../rows.ts";
import { registries } from "./shared.ts";

const WORDS = ["wire", "stream", "buffer", "parser", "router", "cache", "queue", "socket", "render", "schema", "token"];
/** How long an index may take to hold all packages, in milliseconds. */
const READY_MS = 60_000;

/** Search among few and among many packages. */
export const search: Part = {
  title: "Search",
  about:
    "One client, one search of a word after the other: milliseconds a request. A tenth of the packages have the word.",
  async run(context) {
    const rows: Row[] = [];
    for (const size of context.quick ? [1_000] : [1_000, 50_000]) {
      const starts = [
        () => startCodebox({ seed: seedCodebox(packages(size)) }),
        () => startVerdaccio({ seed: seedVerdaccio(packages(size)) }),
      ];
      const found = await registries(context, starts, async (contender, add) => {
        await ready(contender, size);
        await contender.loopDelayMs();
        const word = (index: number) => WORDS[index % WORDS.length] ?? "";
        const one = (index: number) => ask(contender, word(index)).then(() => undefined);
        const row = { title: `${size} packages`, unit: "ms", series: { name: "search", size } } as const;
        add(row, await medianMs(context.quick ? 10 : 50, 20_000, one));
      });
      rows.push(
        ...found.map((row) =>
          row.title.includes(" packages") ? row : { ...row, title: `${row.title}, ${size} packages` },
        ),
      );
    }
    return rows;
  },
};

function* packages(count: number) {
  for (let index = 0; index < count; index++)
    yield documentOf(
      `${WORDS[index % WORDS.length]}-${WORDS[Math.floor(index / WORDS.length) % WORDS.length]}-${index}`,
      1,
    );
}

async function ask({ url }: Contender, word: string): Promise<number> {
  const response = await fetch(`${url}/-/v1/search?text=${word}&size=20`);
  if (!response.ok) throw new Error(`a search was answered with ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { objects: unknown[] }).objects.length;
}

/** The documents were put there behind the registry's back, so its index may need time. */
async function ready(contender: Contender, size: number): Promise<void> {
  const [last = "", second = ""] = [
    WORDS[(size - 1) % WORDS.length],
    WORDS[Math.floor((size - 1) / WORDS.length) % WORDS.length],
  ];
  const began = performance.now();
  while ((await ask(contender, `${last}-${second}-${size - 1}`)) === 0) {
    if (performance.now() - began > READY_MS) throw new Error(`${contender.name} does not find all packages`);
    await delay(200);
  }
}
