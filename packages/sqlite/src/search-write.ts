import { packageWords, type IndexedPackage, type PackageSummary } from "@codebox/core";
import type { SearchDatabase } from "./search-database.ts";

export type WriteOptions = {
  /** The build that runs, or the last one. */
  readonly generation: number;
  /** Whether the package comes from a build, which has read all documents again, and not from an event. */
  readonly isBuild: boolean;
};

/** Writes a package, inside a transaction, unless the index has it from a newer document. What has not changed is not written. */
export function writePackage(
  db: SearchDatabase,
  { name, sequence, summary }: IndexedPackage,
  { generation, isBuild }: WriteOptions,
): void {
  const [id, known, seen, text] =
    db.get("SELECT id, sequence, generation, summary FROM packages WHERE name = ?", name) ?? [];
  if (sequence === undefined) {
    if (id !== undefined) remove(db, Number(id));
    return;
  }
  const isStale = id !== undefined && sequence < Number(known) && !(isBuild && Number(seen) < generation);
  if (isStale) return;
  const next = summary ? JSON.stringify(summary) : null;
  if (id !== undefined && text === next) {
    db.run("UPDATE packages SET sequence = ?, generation = ? WHERE id = ?", sequence, generation, Number(id));
    return;
  }
  if (id !== undefined) remove(db, Number(id));
  insert(db, { name, sequence, generation, summary, text: next });
}

/** Removes what a complete build did not see: packages whose document is gone. */
export function forgetUnseen(db: SearchDatabase, generation: number): void {
  for (const [id] of db.all("SELECT id FROM packages WHERE generation < ?", generation)) remove(db, Number(id));
}

type Row = {
  readonly name: string;
  readonly sequence: number;
  readonly generation: number;
  readonly summary: PackageSummary | undefined;
  readonly text: string | null;
};

function insert(db: SearchDatabase, { name, sequence, generation, summary, text }: Row): void {
  const words = summary && packageWords(summary);
  const [id] =
    db.get(
      `INSERT INTO packages (name, sequence, generation, stable, name_words, base_words, maintainers, summary)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
      name,
      sequence,
      generation,
      summary?.version.includes("-") === true ? 0 : 1,
      words?.name ?? null,
      words?.base ?? null,
      summary ? JSON.stringify(summary.maintainers) : null,
      text,
    ) ?? [];
  if (!summary || !words) return;
  const row = Number(id);
  const { name: named, keywords, description } = words;
  db.run("INSERT INTO in_names (rowid, name) VALUES (?, ?)", row, named);
  db.run("INSERT INTO in_keywords (rowid, name, keywords) VALUES (?, ?, ?)", row, named, keywords);
  db.run(
    "INSERT INTO in_texts (rowid, name, keywords, description) VALUES (?, ?, ?, ?)",
    row,
    named,
    keywords,
    description,
  );
  const mark = (kind: string, values: readonly string[]) => {
    for (const value of values) db.run("INSERT OR IGNORE INTO marks VALUES (?, ?, ?)", kind, value, row);
  };
  mark("people", words.people);
  mark("scope", words.scope);
  mark("keywords", words.tags);
  mark(
    "owner",
    summary.maintainers.map((person) => person.name),
  );
  mark("star", summary.stars);
}

function remove(db: SearchDatabase, id: number): void {
  for (const table of ["in_names", "in_keywords", "in_texts"]) db.run(`DELETE FROM ${table} WHERE rowid = ?`, id);
  db.run("DELETE FROM marks WHERE id = ?", id);
  db.run("DELETE FROM packages WHERE id = ?", id);
}
