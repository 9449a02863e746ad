import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { SQSEvent } from "aws-lambda";
import fc from "fast-check";
import { messageKey, SERVICE_ACTIONS, stagingKey, type Change } from "@codebox/core";
import { createIntakeHandler } from "@codebox/functions";
import { changeOf, publishOf, stage } from "@codebox/testing";
import { defineArea } from "../support/area.ts";
import { checkReads } from "../support/reads.ts";
import { NAME, VERSION, withServer } from "../support/server.ts";
import { editedText, mutated, mutations, textEdits } from "../support/values.ts";

const staged = publishOf(NAME, "2.0.0", { id: "publish" });
const created = publishOf("@acme/new", "1.0.0", { id: "first" });
const manifest = {
  description: "a wire",
  keywords: ["wire"],
  dependencies: { left: "^1.0.0" },
  scripts: { install: "true" },
};
/** What SQS says of the sender. */
const SENDER = "AROAEXAMPLEID";
/** One of each kind, all of which the package takes. */
const TEMPLATES: readonly Change[] = [
  { ...staged, manifest: { ...staged.manifest, ...manifest } },
  created,
  changeOf("tag.put", NAME, { tag: "next", version: VERSION }, "put"),
  changeOf("tag.remove", NAME, { tag: "next" }, "remove"),
  changeOf("tags.replace", NAME, { tags: { latest: VERSION, beta: VERSION } }, "replace"),
  changeOf("tags.merge", NAME, { tags: { beta: VERSION } }, "merge"),
  changeOf("deprecate", NAME, { messages: { [VERSION]: "use 2" } }, "deprecate"),
  changeOf("unpublish.versions", NAME, { versions: [VERSION] }, "unpublish"),
  changeOf("unpublish.all", NAME, { baseRevision: 1 }, "unpublish-all"),
  changeOf("owners", NAME, { maintainers: [{ name: "bob", email: "bob@example.test" }] }, "owners"),
  changeOf("star", NAME, { starred: true }, "star"),
];

const message = fc.record({
  template: fc.nat(TEMPLATES.length - 1),
  changes: mutations,
  edits: textEdits,
  wrapping: fc.constantFrom("none", "none", "notification", "reference", "missing", "twice"),
});
type Message = typeof message extends fc.Arbitrary<infer Input> ? Input : never;

/** Changes from other services: each is queued, or is a dead letter with a reason, and the package stays readable. */
export const messages = defineArea({
  name: "messages",
  rule: "a message is applied, refused, or a dead letter with its reason, and nothing is retried for ever",
  runs: 40,
  input: fc.array(message, { minLength: 1, maxLength: 4 }),
  check: (input, watch) =>
    withServer(async (server) => {
      const { backend } = server;
      await stage(backend.store, staged);
      await stage(backend.store, created);
      const dead: string[] = [];
      const taken: string[] = [];
      const intake = createIntakeHandler({
        queue: backend.queue,
        store: backend.store,
        services: [{ name: "release", sender: SENDER, actions: [...SERVICE_ACTIONS] }],
        deadLetters: { put: async ({ reason }) => void dead.push(reason) },
        log: {
          taken: (id) => void taken.push(id),
          dead: () => undefined,
          failed: (error) => assert.fail(String(error instanceof Error ? error.stack : error)),
        },
      });
      const texts = input.map(textOf);
      for (const [index, each] of input.entries()) {
        if (each.wrapping === "reference")
          await backend.store.put(referenceOf(texts[index] ?? ""), Buffer.from(texts[index] ?? ""));
        const { batchItemFailures } = await watch(() => intake(eventOf(each, texts[index] ?? "", index)));
        assert.deepEqual(batchItemFailures, []);
      }
      assert.equal(dead.length + taken.length, input.length);
      assert.ok(dead.every((reason) => reason.length > 0 && reason.length < 3_000));
      await watch(async () => {
        while (!(await backend.receiver.isEmpty())) {
          server.checkLog();
          await setImmediate();
        }
      });
      await checkReads(server, [NAME, "@acme/new"]);
      assert.equal((await server.json("GET", `/-/package/${NAME}/history`)).status < 500, true);
      assert.equal((await server.json("PUT", `/-/package/${NAME}/dist-tags/after`, "9.9.9")).status < 500, true);
    }),
});

const textOf = ({ template, changes, edits }: Message): string =>
  editedText(JSON.stringify(mutated(TEMPLATES[template], changes)) ?? "", edits).toString("utf8");

const referenceOf = (text: string) => messageKey(createHash("sha256").update(text).digest("hex"));

function eventOf({ wrapping }: Message, text: string, index: number): SQSEvent {
  const notification = JSON.stringify({ Type: "Notification", Message: text });
  const body = {
    none: text,
    notification,
    twice: JSON.stringify({ Type: "Notification", Message: notification }),
    reference: JSON.stringify({ schema: 1, ref: referenceOf(text) }),
    missing: JSON.stringify({ schema: 1, ref: stagingKey(text.slice(0, 20)) }),
  }[wrapping];
  const attributes = { MessageGroupId: NAME, ApproximateReceiveCount: "1", SenderId: `${SENDER}:job` };
  return { Records: [{ messageId: `m-${index}`, body, attributes }] } as unknown as SQSEvent;
}
