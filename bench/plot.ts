import { NAMES, type Name } from "./contenders.ts";
import { ratioOf, type Result } from "./report.ts";

const COLOURS: Record<Name, string> = {
  codebox: "#0b6bcb",
  verdaccio: "#8a8f98",
  nginx: "#1a9850",
  "node:http": "#d9822b",
};
const ROW = 18;
const LEFT = 330;
const RIGHT = 40;
const WIDTH = 960;
const TOP = 60;

/** docs/benchmarks.svg: how often each server is faster than verdaccio, on a logarithmic axis. */
export function plotOf(results: readonly Result[]): string {
  const points = results.flatMap(({ part, rows }) =>
    rows.flatMap((row) => {
      const ratios = NAMES.flatMap((name) => {
        const ratio = ratioOf(row, name, "verdaccio");
        return ratio === undefined || name === "verdaccio" ? [] : [{ name, ratio }];
      });
      return ratios.length === 0 ? [] : [{ title: `${part.title}: ${row.title}`, ratios }];
    }),
  );
  const exponents = points.flatMap(({ ratios }) => ratios.map(({ ratio }) => Math.log10(ratio)));
  const low = Math.min(-1, Math.floor(Math.min(...exponents)));
  const high = Math.max(1, Math.ceil(Math.max(...exponents)));
  const x = (exponent: number) => LEFT + ((exponent - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const height = TOP + ROW * points.length + 20;
  const axis = Array.from({ length: high - low + 1 }, (_, index) => low + index).map(
    (exponent) =>
      `<line x1="${x(exponent)}" x2="${x(exponent)}" y1="${TOP - 8}" y2="${height - 16}" stroke="${exponent === 0 ? "#8a8f98" : "#d8dbe0"}"/><text x="${x(exponent)}" y="${TOP - 14}" text-anchor="middle">${Number((10 ** exponent).toPrecision(1))} ×</text>`,
  );
  const rows = points.map(({ title, ratios }, index) => {
    const y = TOP + ROW * index + 8;
    const dots = ratios.map(
      ({ name, ratio }) => `<circle cx="${x(Math.log10(ratio)).toFixed(1)}" cy="${y}" r="5" fill="${COLOURS[name]}"/>`,
    );
    return `<text x="${LEFT - 12}" y="${y + 4}" text-anchor="end">${escaped(title)}</text>${dots.join("")}`;
  });
  const legend = NAMES.map(
    (name, index) =>
      `<circle cx="${LEFT + 130 * index}" cy="16" r="5" fill="${COLOURS[name]}"/><text x="${LEFT + 10 + 130 * index}" y="20">${name}${name === "verdaccio" ? " (1 ×)" : ""}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11" fill="#24292f"><title>How often each server is faster than verdaccio</title><rect width="100%" height="100%" fill="#ffffff"/>
${[...legend, ...axis, ...rows].join("\n")}
</svg>
`;
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
