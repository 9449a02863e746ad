import type { ChangeMessage, Outcome } from "./messages.ts";
import type { Taken, Transport } from "./producer.ts";
import { refusalOf, request, type Registry } from "./registry.ts";

/** The largest body that is sent, in bytes: a thousand tags have some 300 KB. */
const BYTES_MAX = 1024 * 1024;

/**
 * Sends changes of tags and rules over HTTP: to a registry on one machine, or from outside of AWS. Needs a token.
 *
 * @example createProducer({ transport: httpTransport({ registry: "https://npm.acme.example", token }) })
 * It takes `tag.put`, `tag.remove`, `tags.replace`, `tags.merge`, `tags.approve` and `rules.put`. The change's id is sent as
 * `Idempotency-Key`: the registry derives its own id from it, which `Sent` has. Most outcomes are known at once.
 */
export function httpTransport(registry: Registry): Transport {
  return {
    limits: { entries: 1, bytes: BYTES_MAX },
    send: (entries) => Promise.all(entries.map(({ change }) => send(registry, change))),
  };
}

async function send(registry: Registry, change: ChangeMessage): Promise<Taken> {
  const sent = requestOf(change);
  if (!sent)
    return {
      ok: false,
      code: "unsupported",
      reason: `there is no way to send ${change.type} over HTTP with this client`,
    };
  const { name, id, why } = change;
  const headers = {
    "content-type": "application/json",
    "idempotency-key": id,
    ...("ifMatch" in change && change.ifMatch !== undefined ? { "if-match": change.ifMatch } : {}),
    ...("ifNoneMatch" in change && change.ifNoneMatch !== undefined ? { "if-none-match": change.ifNoneMatch } : {}),
    ...(why?.command === undefined ? {} : { "npm-command": why.command }),
    ...(why?.message === undefined ? {} : { "codebox-message": encodeURIComponent(why.message) }),
    ...(why?.run === undefined ? {} : { "codebox-run": encodeURIComponent(why.run) }),
  };
  const body = sent.body === undefined ? {} : { body: JSON.stringify(sent.body) };
  const path = `/-/package/${encodeURIComponent(name)}/${sent.path}`;
  const response = await request(registry, path, { method: sent.method, headers, ...body });
  return taken(response, name, id);
}

type Sent = { readonly method: string; readonly path: string; readonly body?: unknown };

function requestOf(change: ChangeMessage): Sent | undefined {
  switch (change.type) {
    case "tag.put":
      return { method: "PUT", path: `dist-tags/${encodeURIComponent(change.tag)}`, body: change.version };
    case "tag.remove":
      return { method: "DELETE", path: `dist-tags/${encodeURIComponent(change.tag)}` };
    case "tags.replace":
      return { method: "PUT", path: "dist-tags", body: change.tags };
    case "tags.merge":
      return { method: "POST", path: "dist-tags", body: change.tags };
    case "tags.approve":
      return { method: "POST", path: "approvals", body: { tag: change.tag, version: change.version } };
    case "rules.put":
      return { method: "PUT", path: "rules", body: { rules: change.rules } };
    default:
      return undefined;
  }
}

type Rejected = Extract<Outcome, { state: "rejected" }>;
const REJECTIONS: Readonly<Record<Rejected["code"], true>> = {
  invalid: true,
  not_found: true,
  version_exists: true,
  conflict: true,
  precondition_failed: true,
  forbidden: true,
  too_large: true,
  tarball_missing: true,
};
const isRejection = (code: string): code is Rejected["code"] => Object.hasOwn(REJECTIONS, code);

/** A refusal with a code of the domain is the outcome of the change. Any other, such as 401, refuses the request. */
async function taken(response: Response, name: string, key: string): Promise<Taken> {
  const id = response.headers.get("codebox-change") ?? key;
  if (response.status === 202) {
    await response.body?.cancel();
    return { ok: true, id, outcome: { id, name, state: "pending" } };
  }
  if (!response.ok) {
    const { code, error } = await refusalOf(response);
    if (!isRejection(code)) return { ok: false, code: "refused", reason: error };
    return { ok: true, id, outcome: { id, name, state: "rejected", code, error } };
  }
  await response.body?.cancel();
  return { ok: true, id };
}
