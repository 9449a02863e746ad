import { RIGHTS } from "../rights.ts";

/** The table in docs/rights.md, between `<!-- rights:start -->` and `<!-- rights:end -->`. */
export function rightsTable(): string {
  const rows = Object.entries(RIGHTS).flatMap(([name, rights]) =>
    rights.map(({ actions, on, why }, index) => [
      index === 0 ? `\`${name}\`` : "",
      actions.map((action) => `\`${action}\``).join(", "),
      on.map((target) => (target.includes("/") ? `\`${target}\`` : target)).join(", "),
      why,
    ]),
  );
  const head = ["function", "may", "on", "in order to"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
