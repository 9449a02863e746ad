// `npm run contract`: writes the contract that packages/client ships. Run it after a schema of a change or an event changed.
// `npm run contract -- --release`: also keeps it as the released one, which later contracts must not break.
import { writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { CONTRACT_DOCUMENTS, CONTRACT_VERSION, contractDocument } from "@codebox/core";
import { breakingChanges } from "./contract/breaking.ts";
import { CURRENT, DIRECTIONS, readDocument, RELEASED, TYPES, writeDocuments } from "./contract/files.ts";
import { messageTypes } from "./contract/types.ts";

writeDocuments(CURRENT);
writeFileSync(TYPES, await messageTypes());
if (process.argv.includes("--release")) release();

function release(): void {
  const version = (readDocument(RELEASED, "asyncapi.json")["info"] as { readonly version: string }).version;
  const isSame = CONTRACT_DOCUMENTS.every((name) =>
    isDeepStrictEqual(readDocument(RELEASED, name), JSON.parse(JSON.stringify(contractDocument(name)))),
  );
  if (isSame) return;
  if (version === CONTRACT_VERSION)
    throw new Error(
      `the contract differs from the released ${version}; raise CONTRACT_VERSION in packages/core/src/contract`,
    );
  const major = (of: string) => of.split(".", 1)[0];
  const problems = CONTRACT_DOCUMENTS.flatMap((name) => {
    const direction = DIRECTIONS[name];
    return direction ? breakingChanges(readDocument(RELEASED, name), contractDocument(name), direction) : [];
  });
  if (problems.length > 0 && major(version) === major(CONTRACT_VERSION))
    throw new Error(
      `this breaks what was released as ${version}; it needs another major version:\n${problems.join("\n")}`,
    );
  writeDocuments(RELEASED);
}
