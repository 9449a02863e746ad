import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import { bucketSearch, rebuildSearch, remoteSearch, type RebuildIndex } from "../commands/search.ts";
import { connectBucket, type BucketFlags } from "../connect.ts";
import { searchIndexOf } from "../remote.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = BucketFlags & { readonly registry?: string };

/** `codebox search rebuild`. */
export function searchCommands(program: Command, scope: Scope, finish: Finish): void {
  const { output, clock, signal } = scope;
  program
    .command("search")
    .description("the index for searches")
    .command("rebuild")
    .description("build the search index again, from the documents of all packages")
    .addOption(options.bucket())
    .addOption(options.kmsKey())
    .addOption(options.endpoint())
    .addOption(options.registry())
    .action((flags: Flags) => finish(rebuildSearch({ rebuild: connectSearch(scope, flags), output, clock, signal })));
}

function connectSearch(scope: Scope, flags: Flags): RebuildIndex {
  const { registry } = flags;
  if (registry === undefined) return bucketSearch(connectBucket(flags, scope.env).store);
  return remoteSearch(searchIndexOf(async () => (await loadNpmConfig(scope, [`--registry=${registry}`])).options));
}
