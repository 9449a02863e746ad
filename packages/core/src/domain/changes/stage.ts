import { STAGED_MAX } from "../limits.ts";
import { stateOf, type Packument } from "../packument.ts";
import type { StagedVersion } from "../state.ts";
import { stageDigest, stagedAt, withStaged } from "../staged.ts";
import { changeSchema, defineChange, refuse, Refusal } from "./shared/definition.ts";
import { alreadyStaged, isStagedAt, published, publishFields, StageId } from "./shared/publishing.ts";

/**
 * Stages a version for approval. Nobody installs it before a publish with its id approves it.
 *
 * It is refused for the reasons for which a publish would be. The rules for tags are asked at the approval, which moves the tags.
 */
export const stage = defineChange({
  action: "stage",
  schema: changeSchema("stage", { ...publishFields, stage: StageId }),
  decide: (before, change) => {
    const { name, version, stage: id, tags, tarball, at, actor } = change;
    if (!isStagedAt(tarball, id)) return refuse("invalid", "the tarball is not where this change's is kept");
    const staged = stagedAt(before, at);
    if (staged.some((one) => one.version === version)) return new Refusal(alreadyStaged(name, version));
    if (staged.some((one) => one.id === id)) return refuse("conflict", `${id} is another staged version of ${name}`);
    if (staged.length >= STAGED_MAX)
      return refuse("too_large", `${name} has ${STAGED_MAX} staged versions at most; approve or reject some`);
    const approved = published(before, change, actor);
    if (approved instanceof Refusal) return approved;
    const { integrity, shasum, size } = tarball;
    const entry: StagedVersion = {
      id,
      version,
      tags,
      at,
      by: actor.name,
      ...(actor.kind === "user" ? {} : { kind: actor.kind }),
      sha256: stageDigest(change),
      integrity,
      shasum,
      size,
    };
    return withStaged(before ?? emptyPackage(name, at, actor.name), [...staged, entry]);
  },
  touches: () => ({}),
  // Readers of events may be anybody who reads the package: they learn that something was staged, not what.
  eventFields: {},
  eventData: () => ({ key: {} }),
  restore: () => ({ state: ["staged"] }),
});

/** A package without versions, owned by who staged its first one. */
function emptyPackage(name: string, at: string, owner: string): Packument {
  const _codebox = stateOf(undefined);
  return {
    _id: name,
    name,
    "dist-tags": {},
    versions: {},
    time: { created: at },
    maintainers: [{ name: owner }],
    _codebox,
  };
}
