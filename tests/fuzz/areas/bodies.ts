import assert from "node:assert/strict";
import fc from "fast-check";
import { defineArea } from "../support/area.ts";
import { TEMPLATES } from "../support/requests.ts";
import { NAME, standardHeaders, withServer, type FuzzedServer } from "../support/server.ts";
import { coding, editedText, encoded, mutated, mutations, textEdits } from "../support/values.ts";

/** A request under this many bytes must not block the event loop. */
const BODY_MAX = 1024 * 1024;

/** Every body that clients send, with fields changed, the JSON damaged, another encoding, or cut off. */
export const bodies = defineArea({
  name: "bodies",
  rule: "a body is applied or refused with a reason, and what is stored can be read",
  runs: 60,
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

/** What is stored is served in both forms, and its parts are consistent. */
async function checkReads({ backend, send, token, json }: FuzzedServer, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = `/${name.replace("/", "%2f")}`;
    const read = await backend.reader.read(name);
    const full = await json("GET", path);
    const accept = [...standardHeaders(token, undefined), ["accept", "application/vnd.npm.install-v1+json"] as const];
    const short = await send({ method: "GET", path, headers: accept });
    assert.equal(short?.status, full.status);
    if (!read || Object.keys(read.packument.versions).length === 0) {
      assert.equal(full.status, 404, full.body.toString());
      continue;
    }
    assert.equal(full.status, 200, full.body.toString());
    const { versions, "dist-tags": tags } = JSON.parse(full.body.toString()) as {
      versions: Record<string, { name: string; version: string; dist: { tarball: string } }>;
      "dist-tags": Record<string, string>;
    };
    for (const [tag, version] of Object.entries(tags))
      assert.ok(Object.hasOwn(versions, version), `${tag} names ${version}`);
    for (const [version, manifest] of Object.entries(versions)) {
      assert.equal(`${manifest.name}@${manifest.version}`, `${name}@${version}`);
      const tarball = await json("GET", new URL(manifest.dist.tarball).pathname);
      assert.equal(tarball.status, 200, `${version} has no tarball`);
    }
  }
  assert.equal((await json("GET", "/-/v1/search?text=wire")).status, 200);
}
