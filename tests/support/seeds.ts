import process from "node:process";

/** The seeds of a simulation: 0, 1, … `npm run test:soak` sets `SOAK_SEEDS` and takes more of them. */
export function seeds(count: number): readonly number[] {
  const soak = Number(process.env["SOAK_SEEDS"] ?? 0);
  return Array.from({ length: Math.max(count, soak) }, (_, seed) => seed);
}
