import * as z from "zod";
import { Version } from "../names.ts";
import { own } from "../packument.ts";
import { stageDigest, stagedAt, withStaged } from "../staged.ts";
import { changeSchema, defineChange, refuse, Refusal } from "./shared/definition.ts";
import { alreadyStaged, isStagedAt, published, publishFields, StageId } from "./shared/publishing.ts";

/** The fields of the manifest that the event of a publish carries. The predecessor's log events had the same. */
export const PUBLISH_FIELDS = [
  "description",
  "keywords",
  "license",
  "contributors",
  "dependencies",
  "homepage",
  "repository",
] as const;

const schema = changeSchema("publish", {
  ...publishFields,
  /** Approves this staged version: what is published must be what was staged, and is by who staged it. */
  stage: StageId.optional(),
});

/**
 * Adds a version, and with the first one the package. A version is immutable.
 *
 * With `stage` it is the approval of a staged version, by a person.
 */
export const publish = defineChange({
  action: "publish",
  schema,
  decide: (before, change) => {
    const { name, version, stage, at, actor } = change;
    if (!isStagedAt(change.tarball, stage)) return refuse("invalid", "the tarball is not where this change's is kept");
    const staged = stagedAt(before, at);
    if (stage === undefined) {
      const waiting = staged.some((one) => one.version === version);
      return waiting ? new Refusal(alreadyStaged(name, version)) : published(before, change, actor);
    }
    const entry = staged.find(({ id }) => id === stage);
    if (!entry)
      return refuse(
        "not_found",
        `no version of ${name} is staged as ${stage}: it was approved or rejected, or it expired`,
      );
    if (actor.kind !== "user") return refuse("forbidden", `only a person approves a staged version of ${name}`);
    if (stageDigest(change) !== entry.sha256)
      return refuse("conflict", `this is not what was staged as ${version} of ${name}; read it again`);
    const after = published(before, change, { kind: entry.kind ?? "user", name: entry.by });
    if (after instanceof Refusal) return after;
    return withStaged(
      after,
      staged.filter(({ id }) => id !== stage),
    );
  },
  touches: ({ version }) => ({ versions: [version] }),
  eventFields: {
    version: Version,
    ...Object.fromEntries(PUBLISH_FIELDS.map((field) => [field, z.unknown().optional()])),
  },
  eventData: ({ version }, after) => {
    const manifest = own(after.versions, version);
    const present = PUBLISH_FIELDS.filter((field) => manifest?.[field] !== undefined);
    return { key: { version }, more: Object.fromEntries(present.map((field) => [field, manifest?.[field]])) };
  },
  restore: ({ versions, detail }) => ({
    added: versions,
    state: ["givenBack", ...(detail?.staged ? (["staged"] as const) : [])],
  }),
});
