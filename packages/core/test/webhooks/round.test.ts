import fc from "fast-check";
import { Webhook as Receiver } from "standardwebhooks";
import { createMemoryBackend, manualClock, type ManualClock } from "@codebox/testing";
import { systemIds } from "@codebox/system";
import { beforeEach, describe, expect, test } from "vitest";
import {
  createWebhooks,
  deliverRound,
  signedMessage,
  WEBHOOK_PAUSES,
  webhookSecret,
  type ChangeEvent,
  type Webhook,
  type WebhookAnswer,
  type WebhookMessage,
} from "../../src/index.ts";

const eventOf = (name: string, sequence: number): ChangeEvent => ({
  schema: 1,
  id: `${name.replaceAll(/[@/]/g, "_")}-${sequence}`,
  name,
  sequence,
  revision: sequence,
  type: "star",
  at: "2026-01-01T00:00:00.000Z",
  actor: { name: "alice" },
  data: { name, starred: true },
});
const TARGET = { url: "https://receiver.example/hook", packages: "**", by: "alice", position: 0 };

let clock: ManualClock;
let backend: ReturnType<typeof createMemoryBackend>;
let webhooks: ReturnType<typeof createWebhooks>;
beforeEach(() => {
  clock = manualClock();
  backend = createMemoryBackend({ clock });
  webhooks = createWebhooks({ store: backend.store, clock, ids: systemIds });
});

/** Delivers rounds until nothing is left to do now. `answer` gets the id of each message. */
async function deliver(id: string, answer: (id: string) => WebhookAnswer = () => ({ status: 204 })) {
  const sent: string[] = [];
  const sender = {
    async send({ headers }: WebhookMessage) {
      sent.push(headers["webhook-id"] ?? "");
      return answer(headers["webhook-id"] ?? "");
    },
  };
  for (;;) {
    const stored = await webhooks.find(id);
    if (!stored || stored.webhook.stopped !== undefined) return sent;
    const { state, stopped, progressed } = await deliverRound(stored.webhook, {
      events: backend.events,
      sender,
      clock,
    });
    await webhooks.save(stored, state, stopped);
    if (!progressed) return sent;
  }
}
async function add(target: Partial<typeof TARGET> = {}): Promise<Webhook> {
  const webhook = await webhooks.add({ ...TARGET, ...target });
  if (!webhook) throw new Error("no webhook");
  return webhook;
}
const stateOf = async (id: string) => (await webhooks.find(id))?.webhook.state;

describe("a webhook", () => {
  test("gets every event of its packages, in order", async () => {
    const { id } = await add({ packages: "@acme/*" });
    await backend.events.publish([eventOf("@acme/wire", 1), eventOf("other", 1), eventOf("@acme/wire", 2)]);
    expect(await deliver(id)).toEqual(["_acme_wire-1", "_acme_wire-2"]);
    expect(await deliver(id)).toEqual([]);
  });
  test("an event that fails holds back the later ones of its package only, and is tried again after a pause", async () => {
    const { id } = await add();
    await backend.events.publish([eventOf("a", 1), eventOf("b", 1), eventOf("a", 2), eventOf("b", 2)]);
    const fails = (each: string): WebhookAnswer => ({ status: each.startsWith("a") ? 500 : 204 });
    expect((await deliver(id, fails)).toSorted()).toEqual(["a-1", "b-1", "b-2"]);
    expect(await deliver(id)).toEqual([]);
    await clock.advance(WEBHOOK_PAUSES[0] * 1_000);
    expect(await deliver(id)).toEqual(["a-1", "a-2"]);
    expect(await stateOf(id)).toMatchObject({ open: {}, dead: [] });
  });
  test("an event that fails at every try is a dead letter, and the next one of its package is delivered", async () => {
    const { id } = await add();
    await backend.events.publish([eventOf("a", 1), eventOf("a", 2)]);
    const fails = (each: string): WebhookAnswer => (each === "a-1" ? { failure: "ECONNREFUSED" } : { status: 200 });
    const sent = await deliver(id, fails);
    for (const pause of WEBHOOK_PAUSES) {
      await clock.advance(pause * 1_000);
      sent.push(...(await deliver(id, fails)));
    }
    expect(sent).toEqual([...Array<string>(WEBHOOK_PAUSES.length + 1).fill("a-1"), "a-2"]);
    const state = await stateOf(id);
    expect(state?.dead).toMatchObject([{ id: "a-1", name: "a", sequence: 1, reason: "ECONNREFUSED" }]);
    await webhooks.redeliver(id);
    expect(await deliver(id)).toEqual(["a-1", "a-2"]);
  });
  test("a receiver that answers 410 gets nothing more until it is redelivered to", async () => {
    const { id } = await add();
    await backend.events.publish([eventOf("a", 1)]);
    await deliver(id, () => ({ status: 410 }));
    await backend.events.publish([eventOf("a", 2)]);
    expect(await deliver(id)).toEqual([]);
    expect((await webhooks.find(id))?.webhook.stopped).toContain("410");
    await webhooks.redeliver(id, 0);
    expect(await deliver(id)).toEqual(["a-1", "a-2"]);
  });
  test("a redirect is a failure", async () => {
    const { id } = await add();
    await backend.events.publish([eventOf("a", 1)]);
    await deliver(id, () => ({ status: 302 }));
    expect((await stateOf(id))?.open["a"]?.reason).toContain("302");
  });
  test("what an operator changes during a round is not overwritten", async () => {
    const { id } = await add();
    const stored = await webhooks.find(id);
    await webhooks.rotate(id);
    expect(stored && (await webhooks.save(stored, stored.webhook.state))).toBe(false);
  });
});

test("whatever fails and whenever the host stops, each package's events arrive at least once and in order", async () => {
  const names = ["a", "b", "c"];
  const step = fc.oneof(
    fc.record({ do: fc.constant("publish" as const), name: fc.constantFrom(...names) }),
    fc.record({
      do: fc.constant("deliver" as const),
      fail: fc.array(fc.boolean(), { maxLength: 20 }),
      crash: fc.boolean(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const own = manualClock();
      const memory = createMemoryBackend({ clock: own });
      const hooks = createWebhooks({ store: memory.store, clock: own, ids: systemIds });
      const webhook = await hooks.add(TARGET);
      const arrived: ChangeEvent[] = [];
      const last = new Map<string, number>();
      const round = async (fail: boolean[], crash: boolean) => {
        const stored = await hooks.find(webhook?.id ?? "");
        if (!stored) throw new Error("the webhook is gone");
        const sender = {
          async send({ body }: WebhookMessage): Promise<WebhookAnswer> {
            if (fail.shift()) return { status: 503 };
            arrived.push(JSON.parse(body) as ChangeEvent);
            return { status: 200 };
          },
        };
        const { state } = await deliverRound(stored.webhook, { events: memory.events, sender, clock: own });
        if (!crash) await hooks.save(stored, state);
      };
      for (const each of steps) {
        if (each.do === "publish") {
          const sequence = (last.get(each.name) ?? 0) + 1;
          last.set(each.name, sequence);
          await memory.events.publish([eventOf(each.name, sequence)]);
        } else {
          await own.advance(60 * 60 * 1_000);
          await round([...each.fail], each.crash);
        }
      }
      for (let rest = 0; rest < 5; rest++) {
        await own.advance(24 * 60 * 60 * 1_000);
        await round([], false);
      }
      for (const name of names) {
        // An event may come again, and then the later ones too; none comes before an earlier one has come.
        let seen = 0;
        for (const { sequence } of arrived.filter((event) => event.name === name)) {
          expect(sequence).toBeLessThanOrEqual(seen + 1);
          seen = Math.max(seen, sequence);
        }
        expect(seen).toBe(last.get(name) ?? 0);
      }
    }),
    { numRuns: 200 },
  );
});

describe("the signature of a message", () => {
  const now = () => new Date();
  const secrets = [
    { secret: webhookSecret("a".repeat(43)) },
    { secret: webhookSecret("b".repeat(43)), until: Date.now() + 1_000_000 },
  ];
  const message = () => signedMessage({ url: TARGET.url, secrets }, "id-1", '{"name":"wire"}', now());

  test("is accepted by the reference implementation of Standard Webhooks, with the new secret and with the one before", () => {
    const { headers, body } = message();
    for (const { secret } of secrets) expect(new Receiver(secret).verify(body, headers)).toEqual({ name: "wire" });
  });
  test("is refused for another body, with another secret, and for a secret that has ended", () => {
    const { headers, body } = message();
    expect(() => new Receiver(secrets[0]?.secret ?? "").verify(`${body} `, headers)).toThrow("signature");
    expect(() => new Receiver(webhookSecret("c".repeat(43))).verify(body, headers)).toThrow("signature");
    const ended = [{ secret: webhookSecret("a".repeat(43)) }, { secret: webhookSecret("b".repeat(43)), until: 1 }];
    expect(
      signedMessage({ url: TARGET.url, secrets: ended }, "id", "{}", now()).headers["webhook-signature"],
    ).not.toContain(" ");
  });
});
