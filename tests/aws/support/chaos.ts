import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { createS3Client, type ClientOptions } from "@codebox/aws";
import { indexKey } from "@codebox/core";
import { seededRandom } from "@codebox/testing";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import type { Clients } from "../../../scripts/aws-local/cloud.ts";
import { beforeRequest, injectFaults, type Fault } from "./wire.ts";

type Handler = (event: SQSEvent) => Promise<SQSBatchResponse>;
type Random = () => number;

/**
 * S3 in trouble: some requests fail before they take effect, some after. Conditional ones with 409 and 412 too, as a store does
 * that took the write and lost the answer, so that the SDK or a proxy sends it again.
 */
export function troubledStore(clients: Clients, random: Random, rate: number): void {
  injectFaults(clients.s3, (_, { headers }): Fault => {
    if (random() >= rate) return undefined;
    const when = random() < 0.5 ? "before" : "after";
    const conditional = headers["if-match"] !== undefined || headers["if-none-match"] === "*";
    const kind = random();
    if (conditional && kind < 0.3) return { when, status: 412, code: "PreconditionFailed" };
    if (conditional && kind < 0.6) return { when, status: 409, code: "ConditionalRequestConflict" };
    if (kind < 0.8) return { when, status: 503, code: "SlowDown" };
    return { when, timeout: true };
  });
}

export type MortalParts = {
  readonly make: (clients: Clients) => Handler;
  /** Of a new execution environment. */
  readonly clients: () => Clients;
  readonly random: Random;
  /** Whether the next invocation shall be one that dies, if it makes so many requests. */
  readonly due: () => boolean;
  /** Called with what a dead invocation held: makes it visible again, so that a test does not wait for the time-out. */
  readonly release: (records: readonly SQSRecord[]) => Promise<void>;
};

/**
 * The consumer on execution environments that die: at some request, before or after it, nothing of the invocation happens any
 * more. The next invocation has a new environment, with empty caches.
 */
export function mortal({ make, clients, random, due, release }: MortalParts) {
  const idle: { handler: Handler; state: { left: number; dead: boolean; after: boolean } }[] = [];
  let deaths = 0;
  const born = () => {
    const own = clients();
    const state = { left: Number.POSITIVE_INFINITY, dead: false, after: false };
    for (const client of [own.s3, own.sqs, own.sns])
      beforeRequest(client, async (send) => {
        if (state.dead) throw new Error("this environment is dead");
        if (--state.left > 0) return send();
        state.dead = true;
        if (state.after) await send();
        throw new Error("killed");
      });
    return { handler: make(own), state };
  };
  const handler: Handler = async (event) => {
    const environment = idle.pop() ?? born();
    const { state } = environment;
    // The first one dies at its first request, so that every run has a death, whatever the timing makes of the seed.
    const at = deaths === 0 ? 1 : 1 + Math.floor(random() * 5);
    state.left = due() ? at : Number.POSITIVE_INFINITY;
    state.after = random() < 0.5;
    const result = await environment.handler(event);
    if (state.dead) {
      deaths++;
      await release(event.Records);
      throw new Error("the consumer was killed");
    }
    idle.push(environment);
    return result;
  };
  return { handler, deaths: () => deaths };
}

/** What the predecessor makes of index.json: reads it, sets a tag, and writes it back in full and unconditionally when a test asks for it. */
async function readByPredecessor(
  s3: S3Client,
  bucket: string,
  name: string,
  tag: string,
): Promise<() => Promise<void>> {
  const at = { Bucket: bucket, Key: indexKey(name) };
  const found = await s3.send(new GetObjectCommand(at));
  const document = JSON.parse((await found.Body?.transformToString()) ?? "") as Record<string, object>;
  const changed = { ...document, "dist-tags": { ...document["dist-tags"], [tag]: "1.0.0" }, _attachments: {} };
  return async () => {
    await s3.send(new PutObjectCommand({ ...at, Body: JSON.stringify(changed) }));
  };
}

/** A client of the bucket as the predecessor was, in the harmless order: it reads and writes between our read and our write. */
export function foreignWriter(options: ClientOptions, random: Random, rate: number) {
  const s3 = createS3Client(options);
  const written: string[] = [];
  let writing = false;
  return {
    written,
    between(clients: Clients, name: string): void {
      beforeRequest(clients.s3, async (send, { command, path, bucket }) => {
        if (command === "PutObjectCommand" && path.endsWith(indexKey(name)) && !writing && random() < rate) {
          writing = true;
          try {
            const tag = `foreign-${written.length}`;
            const write = await readByPredecessor(s3, bucket, name, tag);
            await write();
            written.push(tag);
          } finally {
            writing = false;
          }
        }
        return send();
      });
    },
  };
}

/**
 * A client of the bucket as the predecessor was, in the harmful order: it reads, some of our writes land, and only then it writes,
 * which puts the document back to before them.
 */
export function staleWriter(options: ClientOptions, random: Random, rate: number) {
  const s3 = createS3Client(options);
  const written: string[] = [];
  let pending: { readonly write: () => Promise<void>; left: number } | undefined;
  let over = false;
  const overwrite = async () => {
    const stale = pending;
    pending = undefined;
    await stale?.write();
  };
  return {
    /** The tags that it has set; until it leaves, each by a write that undid one of ours at least. */
    written,
    /** Follows the writes of these clients, which land before it continues. */
    behind(clients: Clients, name: string): void {
      beforeRequest(clients.s3, async (send, { command, path, bucket }) => {
        const answer = await send();
        if (command !== "PutObjectCommand" || !path.endsWith(indexKey(name)) || over) return answer;
        if (pending) {
          if (--pending.left === 0) await overwrite();
        } else if (random() < rate) {
          const tag = `foreign-${written.length}`;
          const write = await readByPredecessor(s3, bucket, name, tag);
          const landed = async () => {
            await write();
            written.push(tag);
          };
          pending = { write: landed, left: 1 + Math.floor(random() * 3) };
        }
        return answer;
      });
    },
    /** Writes what it still holds, and is gone. */
    async leave(): Promise<void> {
      over = true;
      await overwrite();
    },
  };
}

/** Printed with every run: the same seed makes the same choices. */
export function seeded(seed: number): Random {
  return seededRandom(seed);
}
