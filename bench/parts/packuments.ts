import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { startCodebox, startNginx, startPlain, startVerdaccio, type Contender } from "../contenders.ts";
import { ABBREVIATED, documentOf, seedCodebox, seedVerdaccio } from "../packages.ts";
import type { Context, Part, Row } from "../rows.ts";
import { rateOf, registries } from "./shared.ts";

const FORMS = [
  { what: "full", accept: "application/json" },
  { what: "abbreviated", accept: ABBREVIATED },
] as const;

/** Documents of packages with few and with many versions. */
export const packuments: Part = {
  title: "Packuments",
  about:
    "Documents of packages, some 1.3 KB for each version before compression. nginx and node:http serve the bytes that codebox sent, as files and from memory.",
  async run(context) {
    const sizes = context.quick ? [20, 300] : [20, 300, 5_000];
    const documents = sizes.map((size) => documentOf(nameOf(size), size));
    const files = await mkdtemp(join(tmpdir(), "bench-packuments-"));
    try {
      const starts = [
        () => startCodebox({ seed: seedCodebox(documents) }),
        () => startVerdaccio({ seed: seedVerdaccio(documents) }),
        ...(context.nginx === undefined ? [] : [() => startNginx(context.nginx ?? "", files)]),
        () => startPlain(files),
      ];
      return await registries(context, starts, async (contender, add) => {
        if (contender.name === "codebox") await save(contender, sizes, files);
        for (const size of sizes)
          for (const one of await requests(contender, size, context))
            add(one.row, await rateOf(one.url, one.headers, one.connections, context));
      });
    } finally {
      await rm(files, { recursive: true });
    }
  },
};

const nameOf = (size: number) => `bench-${size}`;

type One = {
  readonly row: Omit<Row, "values">;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
};

async function requests({ name, url, token }: Contender, size: number, { quick }: Context): Promise<readonly One[]> {
  const isFile = name === "nginx" || name === "node:http";
  const all = FORMS.flatMap(({ what, accept }) =>
    [false, true].flatMap((zipped) =>
      // The smallest at several numbers of connections, since there is where each request's own cost shows.
      (size === 20 && what === "abbreviated" && zipped && !quick ? [1, 16, 64] : [16]).map((connections) => {
        const coding = zipped ? ", gzip" : "";
        const plain: Readonly<Record<string, string>> = { accept, ...(zipped ? { "accept-encoding": "gzip" } : {}) };
        return {
          row: rowOf(`${size} versions, ${what}${coding}`, connections, size),
          url: isFile ? `${url}/${fileOf(size, what, zipped)}` : `${url}/${nameOf(size)}`,
          headers: isFile ? {} : plain,
          connections,
        };
      }),
    ),
  );
  if (isFile) return all;
  const signedIn = { accept: ABBREVIATED, "accept-encoding": "gzip", authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/${nameOf(size)}`, { headers: signedIn });
  await response.arrayBuffer();
  const etag = response.headers.get("etag") ?? "";
  const base = { url: `${url}/${nameOf(size)}`, connections: 16 };
  return [
    ...all,
    { ...base, row: rowOf(`${size} versions, abbreviated, gzip, signed in`, 16, size), headers: signedIn },
    {
      ...base,
      row: rowOf(`${size} versions, not modified (304)`, 16, size),
      headers: { ...signedIn, "if-none-match": etag },
    },
  ];
}

function rowOf(what: string, connections: number, size: number): Omit<Row, "values"> {
  const title = `${what}, ${connections} at once`;
  return { title, unit: "req/s", series: { name: title.replace(/^\d+ versions, /, "GET packument, "), size } };
}

const fileOf = (size: number, what: string, zipped: boolean) => `${what}-${size}.json${zipped ? ".gz" : ""}`;

/** What codebox sends, as files. */
async function save({ url }: Contender, sizes: readonly number[], folder: string): Promise<void> {
  for (const size of sizes)
    for (const { what, accept } of FORMS) {
      const response = await fetch(`${url}/${nameOf(size)}`, { headers: { accept, "accept-encoding": "identity" } });
      const bytes = Buffer.from(await response.arrayBuffer());
      await writeFile(join(folder, fileOf(size, what, false)), bytes);

      await writeFile(join(folder, fileOf(size, what, true)), gzipSync(bytes));
    }
}
