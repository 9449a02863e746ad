import assert from "node:assert/strict";
import fc from "fast-check";
import { defineArea } from "../support/area.ts";
import { TEMPLATES } from "../support/requests.ts";
import { checkReads } from "../support/reads.ts";
import { NAME, standardHeaders, withServer } from "../support/server.ts";
import { coding, encoded } from "../support/codings.ts";
import { editedText, mutated, mutations, textEdits } from "../support/values.ts";

/** A request under this many bytes must not block the event loop. */
const BODY_MAX = 1024 * 1024;

/** Every body that clients send, with fields changed, the JSON damaged, another encoding, or cut off. */
export const bodies = defineArea({
  name: "bodies",
  rule: "a body is applied or refused with a reason, and what is stored can be read",
  runs: 40,
  input: fc.record({
    template: fc.nat(TEMPLATES.length - 1),
    changes: mutations,
    edits: textEdits,
    coding,
    cut: fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(5_000) }),
    times: fc.constantFrom(1, 1, 1, 2),
  }),
  check: ({ template, changes, edits, coding: how, cut, times }, watch) =>
    withServer(async (server) => {
      const { method, path, body } = TEMPLATES[template] ?? assert.fail("no template");
      const text = JSON.stringify(mutated(body, changes)) ?? "";
      const bytes = encoded(editedText(text, edits), how).subarray(0, BODY_MAX);
      const declared = how.declared === "" ? [] : [["content-encoding", how.declared] as const];
      const headers = [...standardHeaders(server.token, bytes), ...declared];
      const sent = cut === undefined ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
      const isCut = sent.length < bytes.length;
      for (let time = 0; time < times; time++)
        await watch(() => server.send({ method, path, headers, body: sent, cut: isCut }));
      await checkReads(server, [NAME, "@acme/new"]);
    }),
});
