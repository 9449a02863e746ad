// `npm run cost`: computes the tables in docs/cost.md. Run it after you change docs/cost.inputs.json.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { costTables } from "./cost-model.ts";

const docs = path.resolve(import.meta.dirname, "../docs");
const file = path.join(docs, "cost.md");
const START = "<!-- cost:start -->";
const END = "<!-- cost:end -->";

const text = readFileSync(file, "utf8");
const [before, rest] = text.split(START);
const after = rest?.split(END)[1];
if (before === undefined || after === undefined) throw new Error(`${file} has no ${START} … ${END}`);
const tables = costTables(JSON.parse(readFileSync(path.join(docs, "cost.inputs.json"), "utf8")));
writeFileSync(file, `${before}${START}\n\n${tables}\n\n${END}${after}`);
