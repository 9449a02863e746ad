import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CONTRACT_DOCUMENTS, contractDocument, type ContractDocument } from "@codebox/core";
import type { Direction } from "./breaking.ts";

const CLIENT = path.resolve(import.meta.dirname, "../../packages/client");

/** The documents as they are now, shipped with `@codebox/client`. */
export const CURRENT = path.join(CLIENT, "contract");

/** The documents of the last release, which later ones must not break. */
export const RELEASED = path.join(CLIENT, "released");

/** The messages as TypeScript. */
export const TYPES = path.join(CLIENT, "src/messages.ts");

/** Which way the messages of a document go, seen from another service. `change.schema.json` goes nowhere: it is for operators. */
export const DIRECTIONS: Partial<Record<ContractDocument, Direction>> = {
  "message.schema.json": "input",
  "event.schema.json": "output",
  "outcome.schema.json": "output",
};

/** Reads a document of a directory. */
export function readDocument(directory: string, name: ContractDocument): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(path.join(directory, name), "utf8")) as Readonly<Record<string, unknown>>;
}

/** Writes every document, made from the schemas, to a directory. */
export function writeDocuments(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of CONTRACT_DOCUMENTS)
    writeFileSync(path.join(directory, name), `${JSON.stringify(contractDocument(name), undefined, 2)}\n`);
}
