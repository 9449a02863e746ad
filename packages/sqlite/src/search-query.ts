import { setImmediate } from "node:timers/promises";
import {
  byScore,
  packageWords,
  parseSearch,
  POINTS,
  pointsOf,
  scopesIn,
  SEARCH_HITS_MAX,
  type IndexAnswer,
  type IndexQuery,
  type ListedPackage,
  type PackageSummary,
  type Qualifier,
  type SearchText,
} from "@codebox/core";
import type { SearchDatabase } from "./search-database.ts";

/** Rows that are looked at before other requests get their turn: some milliseconds. */
const ROWS_AT_ONCE = 250;

/** Most rows that a search looks at: all of a large registry, for a caller who may read few of its packages. */
const ROWS_MAX = 100_000;

/**
 * A qualifier with so many packages at most is looked at first: each of its packages is compared with the text. One with more is
 * looked up for each package that the text finds.
 */
const FEW = 1_000;

/** A query that finds hits of some points: a condition on `packages p`, or on a table of the full text. */
type Stage = { readonly points: number; readonly from: string; readonly values: readonly string[] };
type Found = { readonly id: number; readonly name: string; readonly score: number };
type Row = {
  readonly id: number;
  readonly name: string;
  readonly points: number;
  readonly stable: number;
  readonly maintainers: string;
};

/**
 * Searches: first by name, then in the full text, so that the best hits are found first however many there are. Ends at
 * `SEARCH_HITS_MAX` hits that the caller may read.
 */
export async function searchIn(
  db: SearchDatabase,
  { text, from, size, mayRead }: IndexQuery,
): Promise<Omit<IndexAnswer, "complete">> {
  const found = new Map<number, Found>();
  let looked = 0;
  for (const { id, name, points, stable, maintainers } of candidates(db, parseSearch(text))) {
    if (++looked % ROWS_AT_ONCE === 0) await setImmediate();
    if (points > 0 && !found.has(id) && mayRead(listed(name, maintainers)))
      found.set(id, { id, name, score: points + (stable === 1 ? 1 : 0.5) });
    if (found.size >= SEARCH_HITS_MAX || looked >= ROWS_MAX) break;
  }
  const sorted = [...found.values()].toSorted(byScore);
  const hits = sorted.slice(from, from + size).flatMap((hit) => shown(db, hit));
  return { hits, total: sorted.length, namesScope: namesScope(db, text) };
}

/** What may be a hit, the best first. A package may come twice; those without points are none. */
function* candidates(db: SearchDatabase, search: SearchText): Generator<Row> {
  if (search.words.length === 0 && search.qualifiers.length === 0) return;
  const few = search.qualifiers.map((qualifier) => idsOf(db, qualifier)).find((ids) => ids.length <= FEW);
  if (few) return yield* compared(db, few, search);
  for (const stage of stagesOf(search))
    for (const [id, name, stable, maintainers, ...qualified] of rowsOf(db, stage, search)) {
      const points = isExact(String(name), stage, search) ? POINTS.exact : stage.points;
      const isQualified = qualified.every((one) => one === 1);
      yield {
        id: Number(id),
        name: String(name),
        points: isQualified ? points : 0,
        stable: Number(stable),
        maintainers: String(maintainers),
      };
    }
}

function* compared(db: SearchDatabase, ids: readonly number[], search: SearchText): Generator<Row> {
  for (const id of ids) {
    const [text, stable, maintainers] =
      db.get("SELECT summary, stable, maintainers FROM packages WHERE id = ?", id) ?? [];
    if (typeof text !== "string") continue;
    const summary = JSON.parse(text) as PackageSummary;
    const { name } = summary;
    const points = pointsOf(name, packageWords(summary), search);
    yield { id, name, points, stable: Number(stable), maintainers: String(maintainers) };
  }
}

/** The packages of a qualifier, up to one more than `FEW`. */
function idsOf(db: SearchDatabase, { kind, values }: Qualifier): readonly number[] {
  const rows = db.all(
    `SELECT DISTINCT id FROM marks WHERE kind = ? AND value IN (${places(values)}) LIMIT ${FEW + 1}`,
    kind,
    ...values,
  );
  return rows.map(([id]) => Number(id));
}

/** Whether a package has a qualifier is a column, no condition: what has it not also counts as a row that was looked at. */
function rowsOf(db: SearchDatabase, { from, values }: Stage, { qualifiers }: SearchText) {
  const marked = qualifiers.map(
    ({ values: any }) =>
      `, EXISTS (SELECT 1 FROM marks m WHERE m.kind = ? AND m.value IN (${places(any)}) AND m.id = p.id)`,
  );
  return db.rows(
    `SELECT p.id, p.name, p.stable, p.maintainers${marked.join("")} FROM ${from}`,
    ...qualifiers.flatMap(({ kind, values: any }) => [kind, ...any]),
    ...values,
  );
}

const places = (values: readonly string[]): string => values.map(() => "?").join(", ");

function stagesOf({ words, phrase, qualifiers }: SearchText): readonly Stage[] {
  const [first] = qualifiers;
  if (words.length === 0 && first)
    return [
      {
        points: POINTS.qualifiers,
        from: `marks q CROSS JOIN packages p ON p.id = q.id WHERE q.kind = ? AND q.value IN (${places(first.values)})`,
        values: [first.kind, ...first.values],
      },
    ];
  const name = (points: number, condition: (column: string) => string, ...values: string[]): Stage[] =>
    ["name_words", "base_words"].map((column) => ({ points, from: `packages p WHERE ${condition(column)}`, values }));
  const text = (points: number, table: string, inName = false): Stage => ({
    points,
    from: `${table} CROSS JOIN packages p ON p.id = ${table}.rowid WHERE ${table} MATCH ?`,
    values: [words.map(({ word, isWhole }) => matching(word, isWhole && !inName)).join(" AND ")],
  });
  /** The words as they are are found without a look at all words that begin with them, which may be many. */
  const exactly: Stage = {
    ...text(POINTS.text, "in_texts"),
    values: [words.map(({ word }) => matching(word, true)).join(" AND ")],
  };
  return [
    ...name(POINTS.words, (column) => `${column} = ?`, phrase),
    ...name(POINTS.start, (column) => `${column} >= ? AND ${column} < ?`, phrase, `${phrase}\u{10ffff}`),
    text(POINTS.name, "in_names", true),
    text(POINTS.keywords, "in_keywords"),
    exactly,
    text(POINTS.text, "in_texts"),
  ];
}

/** A phrase; its last word may be the beginning of one. Words are letters and digits, so nothing inside needs quoting. */
const matching = (word: string, isWhole: boolean): string => `"${word.trim()}"${isWhole ? "" : " *"}`;

function isExact(name: string, { points }: Stage, { typed }: SearchText): boolean {
  return points === POINTS.words && name.toLowerCase() === typed;
}

/** Most rights are decided by the name. */
function listed(name: string, maintainers: string): ListedPackage {
  return {
    name,
    get maintainers() {
      return JSON.parse(maintainers) as ListedPackage["maintainers"];
    },
  };
}

function shown(db: SearchDatabase, { id, score }: Found) {
  const [text] = db.get("SELECT summary FROM packages WHERE id = ?", id) ?? [];
  // Gone since it was found.
  if (typeof text !== "string") return [];
  return [{ ...(JSON.parse(text) as PackageSummary), score }];
}

function namesScope(db: SearchDatabase, text: string): boolean {
  return scopesIn(text).some(
    (scope) => db.get("SELECT 1 FROM marks WHERE kind = 'scope' AND value = ? LIMIT 1", scope) !== undefined,
  );
}
