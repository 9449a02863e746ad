import { sha256Hex } from "./digest.ts";
import { millisecondsOf } from "./instants.ts";
import { STAGE_DAYS } from "./limits.ts";
import { stateOf, without, type Packument } from "./packument.ts";
import type { CodeboxState, StagedVersion } from "./state.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** When a staged version can no longer be approved, in milliseconds since 1970. */
export function stageExpiry({ at }: Pick<StagedVersion, "at">): number {
  return millisecondsOf(at) + STAGE_DAYS * DAY_MS;
}

/**
 * The versions of a package that wait for approval at a time: those that have not expired.
 *
 * @param at ISO 8601 in UTC
 * @example stagedAt(packument, "2026-11-24T10:00:00.000Z") // [{ id: "0b3c…", version: "2.0.0", … }]
 */
export function stagedAt(packument: Packument | undefined, at: string): readonly StagedVersion[] {
  return (stateOf(packument).staged ?? []).filter((one) => millisecondsOf(at) < stageExpiry(one));
}

/** The packument with these staged versions. */
export function withStaged(packument: Packument, staged: readonly StagedVersion[]): Packument {
  const state: CodeboxState = without(stateOf(packument), ["staged"]);
  return { ...packument, _codebox: staged.length === 0 ? state : { ...state, staged } };
}

/** What approval publishes, as it was staged. */
export type StagedContent = {
  readonly version: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly tarball: {
    readonly integrity: string;
    readonly shasum: string;
    readonly size: number;
    readonly fileCount?: number | undefined;
    readonly unpackedSize?: number | undefined;
  };
  readonly readme?: string | undefined;
};

/** The SHA-256 of all that approval publishes, in hex: nothing else than what was staged passes for it. */
export function stageDigest({ version, manifest, tags, tarball, readme }: StagedContent): string {
  const { integrity, shasum, size, fileCount = null, unpackedSize = null } = tarball;
  return sha256Hex(
    JSON.stringify([version, manifest, tags, [integrity, shasum, size, fileCount, unpackedSize], readme ?? null]),
  );
}
