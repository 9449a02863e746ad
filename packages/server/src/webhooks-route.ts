import { ApiError, namedCaller, readJson, routeGroup, type AppContext, type RouteGroup } from "@codebox/api";
import {
  isRecord,
  Pattern,
  WEBHOOKS_MAX,
  WebhookUrl,
  type EventReader,
  type Webhook,
  type WebhookDelivery,
  type Webhooks,
  type WebhookSender,
} from "@codebox/core";

/** Bytes of a request. A URL has at most 2,000 characters. */
const BODY_MAX = 16 * 1024;

export type WebhookPorts = {
  readonly webhooks: Webhooks;
  readonly events: Pick<EventReader, "position">;
  readonly sender: Pick<WebhookSender, "problem">;
  readonly delivery: Pick<WebhookDelivery, "wake">;
};

/**
 * `GET /-/webhooks` lists the webhooks, `POST` adds one (`{"url","packages"}`) and answers its secret, this once. Below
 * `/-/webhooks/:id`: `DELETE` removes it, `POST …/rotate` makes a new secret, `POST …/redeliver` delivers again what follows a position
 * (`{"from": 7}`), or the dead letters (`{}`). For `codebox webhook`.
 */
export function webhookRoutes({ webhooks, events, sender, delivery }: WebhookPorts): RouteGroup {
  const changed = (c: AppContext, webhook: Webhook | undefined, more: (webhook: Webhook) => object = shown) => {
    if (!webhook) throw new ApiError("not_found", `there is no webhook "${(c.req.param("id") ?? "").slice(0, 128)}"`);
    delivery.wake();
    return c.json({ ok: true, ...more(webhook) });
  };
  return routeGroup("admin", (on) => {
    on.get("/-/webhooks", async (c) =>
      c.json({ webhooks: (await webhooks.list()).map(({ webhook }) => shown(webhook)) }),
    );

    on.post("/-/webhooks", async (c) => {
      const { name: by } = namedCaller(c);
      const body = await bodyOf(c);
      const url = WebhookUrl.safeParse(body["url"]);
      if (!url.success) throw new ApiError("invalid", `"url" ${url.error.issues[0]?.message ?? "is malformed"}`);
      const packages = Pattern.safeParse(body["packages"] ?? "**");
      if (!packages.success)
        throw new ApiError("invalid", `"packages" ${packages.error.issues[0]?.message ?? "is malformed"}`);
      const problem = await sender.problem(url.data);
      if (problem !== undefined) throw new ApiError("forbidden", problem);
      const position = await events.position();
      const webhook = await webhooks.add({ url: url.data, packages: packages.data, by, position });
      if (!webhook)
        throw new ApiError("too_large", `a registry has at most ${WEBHOOKS_MAX} webhooks; remove one first`);
      delivery.wake();
      return c.json({ ok: true, ...withSecret(webhook) }, 201);
    });

    on.delete("/-/webhooks/:id", async (c) => {
      const { webhook } = (await webhooks.find(idOf(c))) ?? {};
      return changed(c, webhook && (await webhooks.remove(webhook.id)) ? webhook : undefined);
    });

    on.post("/-/webhooks/:id/rotate", async (c) => changed(c, await webhooks.rotate(idOf(c)), withSecret));

    on.post("/-/webhooks/:id/redeliver", async (c) => {
      const { from } = await bodyOf(c);
      const last = await events.position();
      const isPosition = Number.isSafeInteger(from) && (from as number) >= 0 && (from as number) <= last;
      if (from !== undefined && !isPosition)
        throw new ApiError(
          "invalid",
          `"from" must be a position from 0 to ${last}: what comes after it is delivered again`,
        );
      return changed(c, await webhooks.redeliver(idOf(c), from as number | undefined));
    });
  });
}

/** An id is part of a key of the store. */
function idOf(c: AppContext): string {
  const id = c.req.param("id") ?? "";
  if (/^[A-Za-z0-9_-]{1,64}$/.test(id)) return id;
  throw new ApiError("not_found", `there is no webhook "${id.slice(0, 128)}"`);
}

async function bodyOf(c: AppContext): Promise<Readonly<Record<string, unknown>>> {
  const body = await readJson(c, BODY_MAX);
  if (isRecord(body)) return body;
  throw new ApiError("invalid", "the body must be a JSON object");
}

/** Without the secrets. */
function shown({ id, url, packages, created, by, stopped, state }: Webhook) {
  const waiting = Object.entries(state.open).map(([name, { attempts, due, reason }]) => ({
    name,
    attempts,
    next: new Date(due).toISOString(),
    reason,
  }));
  const rest = { position: state.position, waiting, dead: state.dead, ...(stopped === undefined ? {} : { stopped }) };
  return { id, url, packages, created, by, ...rest };
}

function withSecret(webhook: Webhook) {
  return { ...shown(webhook), secret: webhook.secrets[0]?.secret };
}
