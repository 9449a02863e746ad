import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCodebox, startNginx, startPlain, startVerdaccio } from "../contenders.ts";
import { publish, releaseOf } from "../packages.ts";
import type { Part } from "../rows.ts";
import { rateOf, registries } from "./shared.ts";

const SIZES = [
  { size: 200, title: "200 B", connections: [1, 16, 64] },
  { size: 100_000, title: "100 KB", connections: [1, 16] },
  { size: 2_000_000, title: "2 MB", connections: [1, 16] },
  { size: 50_000_000, title: "50 MB", connections: [4] },
];

/** Tarballs from small to large. */
export const tarballs: Part = {
  title: "Tarballs",
  about:
    "The same bytes from each server, of a kind that does not compress. After the warm-up they are in memory where a server keeps them.",
  async run(context) {
    const files = await mkdtemp(join(tmpdir(), "bench-tarballs-"));
    const sizes = context.quick ? SIZES.slice(0, 3) : SIZES;
    const all = sizes.map(({ size }) => releaseOf(nameOf(size), "1.0.0", size));
    try {
      for (const [index, { size }] of sizes.entries())
        await writeFile(join(files, `${nameOf(size)}-1.0.0.tgz`), all[index]?.tarball.bytes ?? "");
      const starts = [
        () => startCodebox(),
        () => startVerdaccio(),
        ...(context.nginx === undefined ? [] : [() => startNginx(context.nginx ?? "", files)]),
        () => startPlain(files),
      ];
      return await registries(context, starts, async (contender, add) => {
        const isRegistry = contender.token !== "";
        for (const [index, { size, title, connections }] of sizes.entries()) {
          const release = all[index];
          if (isRegistry && release) await publish(contender, release);
          const path = `${isRegistry ? `${nameOf(size)}/-/` : ""}${nameOf(size)}-1.0.0.tgz`;
          for (const count of context.quick ? connections.slice(-1) : connections) {
            const series = { name: `GET tarball, ${count} at once`, size };
            const row = { title: `${title}, ${count} at once`, unit: "req/s", series } as const;
            add(row, await rateOf(`${contender.url}/${path}`, {}, count, context));
          }
        }
      });
    } finally {
      await rm(files, { recursive: true });
    }
  },
};

const nameOf = (size: number) => `bench-bytes-${size}`;
