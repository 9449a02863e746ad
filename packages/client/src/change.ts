import { createHash } from "node:crypto";
import { ClientError } from "./errors.ts";
import type { ChangeMessage } from "./messages.ts";

/**
 * A change to send. `id` is its idempotency key: the same id is applied once, so every try has the same id, and another change another.
 *
 * @example { id: "release-7-next", name: "@acme/wire", type: "tag.put", tag: "next", version: "1.1.0" }
 * `at` is when the change was made, by default now.
 */
export type NewChange = ChangeMessage extends infer Kind
  ? Kind extends ChangeMessage
    ? Omit<Kind, "schema" | "at"> & { readonly at?: string }
    : never
  : never;

/** A change as every transport sends it. */
export type Entry = {
  readonly change: ChangeMessage;
  readonly body: string;
  /** Bytes of the body. */
  readonly bytes: number;
  /** The FIFO group: the package. Its changes are applied in the order in which they were sent. */
  readonly group: string;
};

/** The change's id as the registry takes it: letters, digits and `_ . : -`. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;

/** What SQS and SNS take as a group: 128 letters, digits and punctuation. Source: SQS API reference, SendMessage. */
const GROUP = /^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/;

/**
 * The message group of a package: its name, or the name's SHA-256 in hex where SQS does not take the name.
 *
 * @example messageGroup("@acme/wire") // "@acme/wire"
 */
export function messageGroup(name: string): string {
  return GROUP.test(name) ? name : createHash("sha256").update(name).digest("hex");
}

/**
 * The message of a change.
 *
 * @throws ClientError `invalid` for an id that the registry does not take
 */
export function entryOf(change: NewChange, now: Date): Entry {
  if (!ID.test(change.id))
    throw new ClientError(
      "invalid",
      `a change id has 1 to 128 letters, digits and _ . : - and begins with a letter or digit, unlike ${JSON.stringify(change.id.slice(0, 140))}`,
    );
  const message = { schema: 1, at: now.toISOString(), ...change } as ChangeMessage;
  // SQS and SNS refuse these two characters, which JSON leaves as they are.
  const body = JSON.stringify(message).replaceAll("\uFFFE", "\\ufffe").replaceAll("\uFFFF", "\\uffff");
  return { change: message, body, bytes: Buffer.byteLength(body), group: messageGroup(change.name) };
}
