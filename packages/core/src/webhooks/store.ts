import { jsonIn } from "../domain/json.ts";
import { LAYOUT, webhookKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import { readObject, updateObject } from "../write/update-object.ts";
import { Webhook, WEBHOOK_ROTATION_MS, WEBHOOKS_MAX, webhookSecret, type WebhookState } from "./webhook.ts";

export type StoredWebhook = { readonly webhook: Webhook; readonly etag: string };

/** The webhooks in the store. An operator and the delivery write the same object, both conditionally. */
export type Webhooks = {
  list(): Promise<readonly StoredWebhook[]>;
  find(id: string): Promise<StoredWebhook | undefined>;
  /** Makes one that begins after `position`. `undefined`: there are `WEBHOOKS_MAX` already. Its secret is not shown again. */
  add(target: Pick<Webhook, "url" | "packages" | "by"> & { readonly position: number }): Promise<Webhook | undefined>;
  remove(id: string): Promise<boolean>;
  /** A new secret. The one before also signs for a day. `undefined`: there is no such webhook. */
  rotate(id: string): Promise<Webhook | undefined>;
  /** Delivers again: what comes after a position, or without one the dead letters, each with what came after it in its package. */
  redeliver(id: string, from?: number): Promise<Webhook | undefined>;
  /** Saves how far the delivery is. `false`: an operator changed the webhook meanwhile; read it again. */
  save(stored: StoredWebhook, state: WebhookState, stopped?: string): Promise<boolean>;
};

/** @example const webhooks = createWebhooks({ store, clock, ids }); await webhooks.list() */
export function createWebhooks({
  store,
  clock,
  ids,
}: {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly ids: Ids;
}): Webhooks {
  const read = async (key: string): Promise<StoredWebhook | undefined> => {
    const found = await readObject(store, key);
    return found && { webhook: Webhook.parse(jsonIn(found.bytes)), etag: found.etag };
  };
  const list = async () => {
    const { objects } = await store.list(LAYOUT.webhooks.prefix);
    const all = await Promise.all(objects.map(({ key }) => read(key)));
    return all.filter((one) => one !== undefined);
  };
  const edit = async (id: string, change: (webhook: Webhook) => Webhook): Promise<Webhook | undefined> => {
    const key = webhookKey(id);
    const updated = await updateObject<StoredWebhook, Webhook | undefined>({ store, clock }, key, {
      read: () => read(key),
      mutate(found) {
        const result = found && change(found.webhook);
        return result ? { result, bytes: encode(result) } : { result };
      },
    });
    if (!updated.ok) throw new StoreUnavailable("the webhook is being written by others");
    return updated.result;
  };
  const newSecret = () => ({ secret: webhookSecret(ids.secret()) });
  return {
    list,
    find: (id) => read(webhookKey(id)),
    async add({ url, packages, by, position }) {
      if ((await list()).length >= WEBHOOKS_MAX) return undefined;
      const state = { position, open: {}, dead: [] };
      const created = clock.now().toISOString();
      const webhook: Webhook = { id: ids.next(), url, packages, secrets: [newSecret()], created, by, state };
      await store.put(webhookKey(webhook.id), encode(webhook), { condition: { ifNoneMatch: "*" } });
      return webhook;
    },
    async remove(id) {
      const key = webhookKey(id);
      if (!(await store.head(key))) return false;
      return (await store.delete(key)).ok;
    },
    rotate: (id) =>
      edit(id, ({ secrets, ...webhook }) => {
        const until = clock.now().getTime() + WEBHOOK_ROTATION_MS;
        const [newest] = secrets;
        return { ...webhook, secrets: [newSecret(), ...(newest ? [{ ...newest, until }] : [])] };
      }),
    redeliver: (id, from) =>
      edit(id, (before) => {
        const { stopped: _, ...webhook } = before;
        const { dead, open, position } = webhook.state;
        if (from !== undefined) return { ...webhook, state: { position: from, open: {}, dead: [] } };
        const due = clock.now().getTime();
        const again = dead
          .toReversed()
          .map(({ name, position: at, reason }) => [name, { position: at, attempts: 0, due, reason }]);
        return { ...webhook, state: { position, open: { ...open, ...Object.fromEntries(again) }, dead: [] } };
      }),
    async save({ webhook, etag }, state, stopped) {
      const next = { ...webhook, state, ...(stopped === undefined ? {} : { stopped }) };
      return (await store.put(webhookKey(webhook.id), encode(next), { condition: { ifMatch: etag } })).ok;
    },
  };
}

function encode(webhook: Webhook): Uint8Array {
  return Buffer.from(JSON.stringify(webhook));
}
