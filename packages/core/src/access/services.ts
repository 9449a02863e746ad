import type { ChangeAction } from "../domain/changes/shared/definition.ts";

/** What a service can be allowed to do. Not `publish`: only the API inspects a tarball. */
export const SERVICE_ACTIONS = ["tag", "deprecate", "unpublish", "owners"] as const satisfies readonly ChangeAction[];

/**
 * Another service that sends changes as messages.
 *
 * @example { name: "release", sender: "AROAEXAMPLEID", actions: ["tag", "deprecate"] }
 * `sender` is what the queue itself says of the sender of a message: on AWS the unique id of an IAM role or user.
 */
export type Service = {
  readonly name: string;
  readonly sender: string;
  readonly actions: readonly (typeof SERVICE_ACTIONS)[number][];
};
