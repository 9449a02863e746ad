import type { BucketMaintenance, BucketSettings } from "@codebox/aws";
import { createConsumer, createPackumentReader, EXPIRING, type ObjectStore } from "@codebox/core";
import { openSqlite } from "@codebox/sqlite";
import { systemClock } from "@codebox/system";
import { fail, publishOf, stage, tagPut, openPolicy } from "@codebox/testing";
import { verify } from "../src/commands/verify.ts";
import { memoryCheckpoint, never, pipe } from "./support.ts";

export type Json = Record<string, unknown>;
const DAY_MS = 86_400_000;
export const known = <T>(value: T) => ({ known: true as const, value });
/** The days after which a bucket that is set up rightly deletes each kind of object. */
export const EXPIRY: Readonly<Record<string, number>> = Object.fromEntries(
  EXPIRING.map(({ prefix, days }) => [prefix, days]),
);
const GOOD: BucketSettings = {
  publicAccessBlocked: known(true),
  policyIsPublic: known(false),
  encryption: known({ algorithm: "AES256" }),
  expiry: known(EXPIRY),
};
const maintenance = (
  settings: Partial<BucketSettings> = {},
  algorithm: (key: string) => string | undefined = () => "AES256",
): Pick<BucketMaintenance, "encryption" | "settings"> => ({
  settings: async () => ({ ...GOOD, ...settings }),
  encryption: async (key) => ({ algorithm: algorithm(key) }),
});

export type VerifyFixture = Awaited<ReturnType<typeof verifyFixture>>;
type Options = {
  daysLater?: number;
  deep?: boolean;
  store?: ObjectStore;
  bucket?: Partial<BucketSettings>;
  algorithm?: (key: string) => string | undefined;
  kmsKey?: string;
};

/** A store in memory with what a test needs around it. */
export async function verifyFixture() {
  const embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock });

  async function findings(options: Options = {}) {
    const { daysLater = 1, deep = false, store = embedded.store, bucket, algorithm, kmsKey } = options;
    const output = pipe();
    const clock = { now: () => new Date(Date.now() + daysLater * DAY_MS), sleep: async () => {} };
    const ports = {
      store,
      maintenance: maintenance(bucket, algorithm),
      clock,
      output,
      checkpoint: memoryCheckpoint(),
      signal: never,
    };
    const code = await verify(ports, {
      bucket: "acme",
      deep,
      concurrency: 3,
      ...(kmsKey === undefined ? {} : { kmsKey }),
    });
    const found = output.lines.filter(({ summary }) => summary === undefined);
    return {
      code,
      found,
      reported: found.map(({ severity, code, key }) => `${String(severity)} ${String(code)} ${String(key)}`),
      summary: output.lines.at(-1),
    };
  }

  /** A package that came about by real changes. */
  async function published(name: string, ...versions: string[]) {
    const consumer = createConsumer({
      store: embedded.store,
      policy: openPolicy,
      events: embedded.events,
      outcomes: embedded.outcomes,
      reader: createPackumentReader(embedded.store),
      clock: systemClock,
    });
    for (const version of versions) {
      const change = publishOf(name, version);
      await stage(embedded.store, change);
      await consumer(name, [change, tagPut(name, "next", version)]);
    }
    return consumer;
  }
  async function edit(name: string, change: (document: Json) => unknown) {
    const found = await embedded.store.get(`${name}/index.json`);
    const document = found?.notModified === false ? (JSON.parse(Buffer.from(found.bytes).toString()) as Json) : {};
    const changed = change(document) ?? document;
    await embedded.store.put(`${name}/index.json`, Buffer.from(JSON.stringify(changed)));
  }
  return { embedded, findings, published, edit };
}
