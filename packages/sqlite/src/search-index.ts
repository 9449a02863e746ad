import { StoreUnavailable, type IndexedPackage, type ListedPackage, type LocalSearchIndex } from "@codebox/core";
import { openSearchDatabase, type SearchDatabase } from "./search-database.ts";
import { searchIn } from "./search-query.ts";
import { forgetUnseen, writePackage } from "./search-write.ts";

/**
 * The `SearchIndex` port over SQLite's full text search, in a file of its own: it is disposable, and its writes wait for no sync.
 *
 * A file that is damaged is replaced by an empty one; `progress` then says that the index is not complete.
 * @throws StoreUnavailable when the file can't be opened or made.
 */
export function openSearchIndex(file: string): LocalSearchIndex & { close(): void } {
  let db = openSearchDatabase(file);
  const isDamaged = (error: unknown) => error instanceof StoreUnavailable && error.problem === "damaged";
  const replace = () => {
    db.close();
    db = openSearchDatabase(file, { empty: true });
  };
  const using = <T>(access: (db: SearchDatabase) => T): T => {
    try {
      return access(db);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      replace();
      return access(db);
    }
  };
  /** Packages of a build replace what stands since before it, also what was made from a newer document: a backup was restored. */
  const write = (packages: readonly IndexedPackage[], upTo: string | undefined, isBuild: boolean) =>
    using((open) =>
      open.transaction(() => {
        const generation = stateOf(open).generation;
        for (const one of packages) writePackage(open, one, { generation, isBuild });
        if (upTo !== undefined) open.run("UPDATE state SET up_to = ? WHERE up_to IS NOT ?", upTo, upTo);
      }),
    );
  return {
    put: async (packages, upTo) => write(packages, upTo, false),
    async rebuild(packages) {
      using((open) => open.transaction(() => open.run("UPDATE state SET generation = generation + 1")));
      const { generation } = using(stateOf);
      for await (const step of packages) write(step, undefined, true);
      using((open) =>
        open.transaction(() => {
          // Else the file was replaced meanwhile, and what was written before is gone.
          if (stateOf(open).generation !== generation) return;
          forgetUnseen(open, generation);
          open.run("UPDATE state SET complete = 1");
        }),
      );
    },
    async query(query) {
      const used = db;
      try {
        return { ...(await searchIn(used, query)), complete: using(stateOf).complete };
      } catch (error) {
        if (!isDamaged(error)) throw error;
        // Else another search has replaced it.
        if (db === used) replace();
        return { ...(await searchIn(db, query)), complete: false };
      }
    },
    list: async ({ scope, maintainer, starredBy } = {}) =>
      using((open) => {
        const where: string[] = ["summary IS NOT NULL"];
        const values: string[] = [];
        const marked = (kind: string, value: string) => {
          where.push("id IN (SELECT id FROM marks WHERE kind = ? AND value = ?)");
          values.push(kind, value);
        };
        if (scope !== undefined) {
          // "0" follows "/".
          where.push("name > ? AND name < ?");
          values.push(`${scope}/`, `${scope}0`);
        }
        if (maintainer !== undefined) marked("owner", maintainer);
        if (starredBy !== undefined) marked("star", starredBy);
        const rows = open.all(
          `SELECT name, maintainers FROM packages WHERE ${where.join(" AND ")} ORDER BY name`,
          ...values,
        );
        return rows.map(([name, maintainers]) => ({
          name: String(name),
          maintainers: JSON.parse(String(maintainers)) as ListedPackage["maintainers"],
        }));
      }),
    progress: async () => {
      const { upTo, complete } = using(stateOf);
      return { upTo, complete };
    },
    close: () => db.close(),
  };
}

function stateOf(db: SearchDatabase) {
  const [upTo, complete, generation] = db.get("SELECT up_to, complete, generation FROM state") ?? [];
  return {
    upTo: typeof upTo === "string" ? upTo : undefined,
    complete: complete === 1,
    generation: Number(generation ?? 0),
  };
}
