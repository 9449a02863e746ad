import {
  Change,
  changeProblem,
  hashOfMessageKey,
  isRecord,
  LAYOUT,
  messageKey,
  sha256Hex,
  type ObjectStore,
} from "@codebox/core";

/** A body above this many bytes travels by reference. SQS takes 1 MiB, attributes included. Source: SQS quotas, messages. */
export const MESSAGE_BYTES_MAX = 1_000_000;

/** What SQS takes as MessageGroupId and MessageDeduplicationId: 128 letters, digits and punctuation. Source: SQS API reference, SendMessage. */
const LEGAL = /^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/;

/**
 * The message group of a package: its name, or the name's SHA-256 in hex where SQS does not take the name.
 *
 * @example messageGroup("@acme/wire") // "@acme/wire"
 */
export function messageGroup(name: string): string {
  return LEGAL.test(name) ? name : sha256Hex(name);
}

/**
 * JSON that a message may hold. SQS and SNS refuse U+FFFE and U+FFFF, which JSON leaves as they are; a readme may have them.
 * Source: SQS API reference, SendMessage, "characters".
 */
export function messageJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("\uFFFE", "\\ufffe").replaceAll("\uFFFF", "\\uffff");
}

/**
 * A change as the body of a message: its JSON, or, when that is too large, `{"schema":1,"ref":"_codebox/messages/<sha256>"}`
 * once the JSON is in the store under its own digest. It stays there until it expires: a message may be delivered again.
 */
export async function packMessage(store: ObjectStore, change: Change): Promise<string> {
  const body = messageJson(change);
  if (Buffer.byteLength(body) <= MESSAGE_BYTES_MAX) return body;
  const ref = messageKey(sha256Hex(body));
  await store.put(ref, Buffer.from(body), { contentType: "application/json" });
  return JSON.stringify({ schema: 1, ref });
}

export type Unpacked =
  | { readonly ok: true; readonly change: Change }
  /** No redelivery cures it: it belongs to the dead letters. */
  | { readonly ok: false; readonly reason: string };

/**
 * Reads a message's body.
 *
 * @param actor replaces the one in the body, which its sender could choose. Default: that of the body.
 * @throws StoreUnavailable when the body travels by reference and can't be fetched now.
 */
export async function unpackMessage(store: ObjectStore, body: string, actor?: Change["actor"]): Promise<Unpacked> {
  const outer = parseJson(body);
  if (!outer.ok) return outer;
  const ref = isRecord(outer.value) ? outer.value["ref"] : undefined;
  if (ref === undefined) return toChange(outer.value, actor);
  if (typeof ref !== "string" || hashOfMessageKey(ref) === undefined)
    return { ok: false, reason: `"ref" must be ${LAYOUT.messages.prefix} and a sha256 in hex` };
  const found = await store.get(ref);
  if (found?.notModified !== false) return { ok: false, reason: `the body at ${ref} is gone` };
  const text = Buffer.from(found.bytes).toString("utf8");
  if (messageKey(sha256Hex(text)) !== ref)
    return { ok: false, reason: `the body at ${ref} is not the one that was sent` };
  const inner = parseJson(text);
  return inner.ok ? toChange(inner.value, actor) : inner;
}

/** Checks that a value is a change. `reason` names what is wrong. */
function toChange(value: unknown, actor: Change["actor"] | undefined): Unpacked {
  const parsed = Change.safeParse(isRecord(value) && actor ? { ...value, actor } : value);
  if (parsed.success) return { ok: true, change: parsed.data };
  return { ok: false, reason: `not a change: ${changeProblem(parsed.error)}` };
}

function parseJson(
  text: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string } {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return { ok: false, reason: "the body is not JSON" };
  }
}
