import type { Contender } from "../contenders.ts";
import { getRate, type Measured } from "../rates.ts";
import { round, type Context, type Row, type Value } from "../rows.ts";

export type Add = (row: Omit<Row, "values">, value: Value) => void;

/**
 * Measures each registry in turn, so that only one is under load, and adds its memory and its event loop's delay at the end.
 *
 * A peer that fails a row lacks that row and those after it; the failure is printed.
 */
export async function registries(
  { say }: Context,
  starts: readonly (() => Promise<Contender>)[],
  measure: (contender: Contender, add: Add) => Promise<void>,
): Promise<readonly Row[]> {
  const rows = new Map<string, Row>();
  for (const start of starts) {
    const contender = await start();
    const add: Add = (row, value) => {
      const known = rows.get(row.title) ?? { ...row, values: {} };
      rows.set(row.title, { ...known, values: { ...known.values, [contender.name]: value } });
      say(
        `${row.title}: ${contender.name} ${value.figure} ${row.unit}${value.failed ? `, ${value.failed} failed` : ""}`,
      );
    };
    try {
      await contender.loopDelayMs();
      await measure(contender, add);
      const delay = await contender.loopDelayMs();
      if (!Number.isNaN(delay)) add({ title: LOOP_DELAY, unit: "ms" }, { figure: delay });
      add({ title: MEMORY, unit: "MiB" }, { figure: contender.residentMb() });
    } catch (error) {
      if (contender.name === "codebox") throw error;
      say(`${contender.name} failed: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await contender.stop();
    }
  }
  // What is measured last of each registry stands last.
  const isLast = ({ title }: Row) => title === LOOP_DELAY || title === MEMORY;
  return [...rows.values()].toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)));
}

const LOOP_DELAY = "event-loop delay, p99";
const MEMORY = "resident memory at the end";

const WARM_UP_SECONDS = 1;

/** The rate of a GET after a short warm-up. */
export async function rateOf(
  url: string,
  headers: Readonly<Record<string, string>>,
  connections: number,
  { seconds }: Context,
): Promise<Value> {
  await getRate(url, headers, connections, WARM_UP_SECONDS);
  return toValue(await getRate(url, headers, connections, seconds));
}

export function toValue({ perSecond, ...rest }: Measured): Value {
  return { figure: round(perSecond), ...rest };
}
