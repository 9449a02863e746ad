import { join } from "node:path";
import type { Command } from "commander";
import { fileCheckpoint, noCheckpoint, type Checkpoint } from "../checkpoint.ts";
import { domain } from "../commands/domain.ts";
import { encrypt } from "../commands/encrypt.ts";
import { indexPackages } from "../commands/index-packages.ts";
import { verify } from "../commands/verify.ts";
import { connectBucket, given, type BucketFlags } from "../connect.ts";
import { createSendEvent } from "../insights.ts";
import { httpUrl, registryUrl } from "../urls.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type WalkFlags = BucketFlags & {
  readonly state?: string;
  readonly restart: boolean;
  readonly concurrency: number;
  readonly dryRun?: boolean;
};

/** The commands that walk over the whole bucket, and continue where they were stopped. */
export function walkingCommands(program: Command, scope: Scope, finish: Finish): void {
  addVerify(program, scope, finish);
  addDomain(program, scope, finish);
  addEncrypt(program, scope, finish);
  addIndex(program, scope, finish);
}

function walking(command: Command, concurrency: number): Command {
  return command
    .addOption(options.bucket())
    .addOption(options.kmsKey())
    .addOption(options.endpoint())
    .addOption(options.concurrency(concurrency))
    .addOption(options.state())
    .addOption(options.restart());
}

/** Where this run remembers how far it is. A dry run does not: it is soon repeated for good, from the start. */
function checkpointOf(
  { cwd }: Scope,
  command: string,
  bucket: string,
  flags: WalkFlags,
  args: Readonly<Record<string, string | boolean>>,
): Checkpoint {
  if (flags.dryRun === true) return noCheckpoint;
  const path = join(cwd, flags.state ?? `.codebox-${command}-${bucket}.json`);
  return fileCheckpoint(path, { command, bucket, arguments: args }, { restart: flags.restart });
}

function addVerify(program: Command, scope: Scope, finish: Finish): void {
  walking(program.command("verify"), 4)
    .description("check every invariant of the bucket; 1 when an error is found, 0 for warnings alone")
    .option("--deep", "read every tarball, and check its digests", false)
    .action((flags: WalkFlags & { readonly deep: boolean }) => {
      const { bucket, kmsKey, store, maintenance } = connectBucket(flags, scope.env);
      const { deep, concurrency } = flags;
      const args = { deep, ...(kmsKey === undefined ? {} : { "kms-key": kmsKey }) };
      const checkpoint = checkpointOf(scope, "verify", bucket, flags, args);
      const { clock, output, signal } = scope;
      const settings = { bucket, deep, concurrency, ...(kmsKey === undefined ? {} : { kmsKey }) };
      return finish(verify({ store, maintenance, clock, output, checkpoint, signal }, settings));
    });
}

function addDomain(program: Command, scope: Scope, finish: Finish): void {
  walking(program.command("domain <url>"), 8)
    .description("rewrite the tarball URLs that documents store to this registry's")
    .addHelpText("after", DOMAIN_HELP)
    .addOption(options.dryRun())
    .action((text: string, flags: WalkFlags & { readonly dryRun: boolean }) => {
      const url = registryUrl(text);
      const { bucket, store } = connectBucket(flags, scope.env);
      const { dryRun, concurrency } = flags;
      const checkpoint = checkpointOf(scope, "domain", bucket, flags, { url });
      const { clock, output, signal } = scope;
      return finish(domain({ store, clock, output, checkpoint, signal }, { bucket, url, dryRun, concurrency }));
    });
}

const DOMAIN_HELP = `
codebox itself computes tarball URLs from each request and needs none of this. It is for other readers of the bucket: the
registry that codebox replaces serves the URLs as they are stored. Versions that store none get none.
Every write is conditional: the registry may continue, and nothing that is published meanwhile is lost.`;

function addEncrypt(program: Command, scope: Scope, finish: Finish): void {
  walking(program.command("encrypt"), 16)
    .description("encrypt every object that is not encrypted as the bucket demands (AES256, or --kms-key)")
    .addOption(options.dryRun())
    .action((flags: WalkFlags & { readonly dryRun: boolean }) => {
      const { bucket, kmsKey, store, maintenance } = connectBucket(flags, scope.env);
      const { dryRun, concurrency } = flags;
      const key = kmsKey === undefined ? {} : { kmsKey };
      const checkpoint = checkpointOf(
        scope,
        "encrypt",
        bucket,
        flags,
        kmsKey === undefined ? {} : { "kms-key": kmsKey },
      );
      const { clock, output, signal } = scope;
      const ports = { store, maintenance, clock, output, checkpoint, signal };
      return finish(encrypt(ports, { bucket, ...key, dryRun, concurrency }));
    });
}

function addIndex(program: Command, scope: Scope, finish: Finish): void {
  walking(program.command("index"), 4)
    .description("send every package's latest version to Codebox Insights, or to whatever takes its log events")
    .requiredOption("--url <url>", "where events are POSTed to, as JSON")
    .addHelpText("after", INDEX_HELP)
    .addOption(options.dryRun())
    .action((flags: WalkFlags & { readonly dryRun: boolean; readonly url: string }) => {
      const url = httpUrl(flags.url, "an endpoint").href;
      const { bucket, store } = connectBucket(flags, scope.env);
      const { dryRun, concurrency } = flags;
      const { env, clock, output, signal } = scope;
      const clientId = given(env, "CODEBOX_INSIGHTS_CLIENT_ID");
      const clientSecret = given(env, "CODEBOX_INSIGHTS_CLIENT_SECRET");
      const credentials = clientId === undefined ? {} : { clientId, clientSecret: clientSecret ?? "" };
      const send = createSendEvent(fetch, clock, { url, ...credentials });
      const checkpoint = checkpointOf(scope, "index", bucket, flags, { url });
      return finish(indexPackages({ store, send, output, checkpoint, signal }, { bucket, url, dryRun, concurrency }));
    });
}

const INDEX_HELP = `
CODEBOX_INSIGHTS_CLIENT_ID and CODEBOX_INSIGHTS_CLIENT_SECRET are sent as HTTP Basic credentials.
An event: {"timestamp", "level":"info", "namespace":"info:package:put", "command", "body":{"name", "version", "description", …, "dist-tags"}}
429 and 5xx are retried. A 4xx is reported, and the command then ends with a failure.`;
