import { startCodebox, startVerdaccio, type Contender } from "../contenders.ts";
import { publish, releaseOf, versionsOf, type Release } from "../packages.ts";
import { eachOf, medianMs, round, type Part, type Value } from "../rows.ts";
import { registries } from "./shared.ts";

const PACKAGES = 70;

/** Publishes: one after the other, many at once, and the packages of a monorepo. */
export const publishes: Part = {
  title: "Publishing",
  about:
    "Tarballs of 200 bytes, unless the row says more. Milliseconds for each version, seen by the clients; of the monorepo, milliseconds for all of it.",
  run: (context) => {
    const count = context.quick ? 30 : 300;
    return registries(context, [() => startCodebox(), () => startVerdaccio()], async (contender, add) => {
      const one = versionsOf(count).map((version) => releaseOf("bench-one", version));
      const next = (releases: readonly Release[]) => (index: number) => publish(contender, releases[index] as Release);
      add(
        { title: `${count} versions of a package, one after the other`, unit: "ms" },
        await medianMs(count, 60_000, next(one)),
      );
      const many = versionsOf(count).map((version) => releaseOf("bench-many", version));
      const { figure, ...rest } = await together(contender, many);
      add(
        { title: `${count} versions of a package, 16 at once`, unit: "ms" },
        { ...rest, figure: round(figure / count) },
      );
      const monorepo = Array.from({ length: PACKAGES }, (_, index) => releaseOf(`@bench/repo-${index}`, "1.0.0"));
      add({ title: `a monorepo of ${PACKAGES} packages, 16 at once`, unit: "ms" }, await together(contender, monorepo));
      const large = versionsOf(10).map((version) => releaseOf("bench-large", version, 5_000_000));
      add({ title: "tarballs of 5 MB, one after the other", unit: "ms" }, await medianMs(10, 30_000, next(large)));
    });
  },
};

async function together(contender: Contender, releases: readonly Release[]): Promise<Value> {
  const began = performance.now();
  let failed = 0;
  // verdaccio refuses publishes of one package that meet.
  await eachOf(releases, 16, (release) => publish(contender, release).catch(() => failed++));
  return { figure: round(performance.now() - began), failed };
}
