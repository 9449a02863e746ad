import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { subscribe, type Position } from "./subscribe.ts";

const [registry, file] = process.argv.slice(2);
if (registry === undefined || file === undefined) {
  process.stderr.write("usage: node main.ts <registry> <file for the position>\n");
  process.exit(2);
}
const position: Position = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Position) : { sequences: {} };
const token = process.env["CODEBOX_TOKEN"];
await subscribe({
  registry,
  ...(token === undefined ? {} : { token }),
  position,
  onEvent(event) {
    process.stdout.write(`${JSON.stringify(event)}\n`);
    writeFileSync(file, JSON.stringify(position));
  },
  onGap: (name, from, to) => process.stderr.write(`${name}: events ${from} to ${to} are still to come\n`),
  signal: AbortSignal.any([]),
});
