import { setTimeout as delay } from "node:timers/promises";
import { startCodebox, startVerdaccio, type Contender } from "../contenders.ts";
import { round, type Context, type Part, type Row, type Value } from "../rows.ts";

const STARTS = 5;
/** A server that has just started has not dropped yet what its start needed, in milliseconds. */
const IDLE_MS = 2_000;

/** The start, and the memory of a server that does nothing. */
export const start: Part = {
  title: "Start",
  about: `From the start of the process to the first answer, median of ${STARTS}, with an empty data directory. Resident memory ${IDLE_MS / 1_000} s later.`,
  async run(context) {
    const built = await measured(context, "start", () => startCodebox({ probe: false }));
    const sources = await measured(context, "start, from the sources", () =>
      startCodebox({ probe: false, fromSources: true }),
    );
    const peer = await measured(context, "start", () => startVerdaccio({ probe: false }));
    const row = (title: string, unit: Row["unit"], codebox: Value, verdaccio?: Value): Row => ({
      title,
      unit,
      values: { codebox, ...(verdaccio ? { verdaccio } : {}) },
    });
    return [
      row("start", "ms", built.ms, peer.ms),
      row("start, from the sources", "ms", sources.ms),
      row("resident memory, idle", "MiB", built.memory, peer.memory),
      row("resident memory, idle, from the sources", "MiB", sources.memory),
    ];
  },
};

async function measured({ say }: Context, what: string, startOne: () => Promise<Contender>) {
  const times: number[] = [];
  for (;;) {
    const contender = await startOne();
    times.push(contender.startMs);
    try {
      if (times.length < STARTS) continue;
      await delay(IDLE_MS);
      const ms = { figure: round(times.toSorted((a, b) => a - b)[Math.floor(STARTS / 2)] ?? Number.NaN) };
      const memory = { figure: contender.residentMb() };
      say(`${what}: ${contender.name} ${ms.figure} ms, ${memory.figure} MiB`);
      return { ms, memory };
    } finally {
      await contender.stop();
    }
  }
}
