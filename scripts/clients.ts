// `npm run clients`: writes the tables in docs/clients.md. Run it after you change tests/clients/words.ts, clients.ts or package.json.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { clientsTables } from "../tests/clients/table.ts";

const file = path.resolve(import.meta.dirname, "../docs/clients.md");
const START = "<!-- clients:start -->";
const END = "<!-- clients:end -->";

const text = readFileSync(file, "utf8");
const [before, rest] = text.split(START);
const after = rest?.split(END)[1];
if (before === undefined || after === undefined) throw new Error(`${file} has no ${START} … ${END}`);
writeFileSync(file, `${before}${START}\n\n${clientsTables()}\n\n${END}${after}`);
