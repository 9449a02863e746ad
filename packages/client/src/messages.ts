// Written by `npm run contract` from the contract's JSON Schemas.

/**
 * A change that a service sends.
 */
export type ChangeMessage =
  | TagPut
  | TagRemove
  | TagsReplace
  | TagsMerge
  | TagsUndo
  | TagsRestore
  | TagsApprove
  | Deprecate
  | UnpublishVersions
  | UnpublishAll
  | Owners
  | RulesPut
  | NameGiveBack;
/**
 * The id of a change. Its sender chooses it; the same id is applied once.
 */
export type ChangeId = string;
/**
 * The name of a package: wire or @acme/wire.
 */
export type PackageName = string;
/**
 * A dist-tag. It must not be a semver range, such as 1.x.
 */
export type Tag = string;
/**
 * An exact semver version without build metadata: 1.2.3 or 2.0.0-rc.1.
 */
export type Version = string;
/**
 * The name of a user or of another service.
 */
export type UserName = string;
/**
 * An event of a kind that this version knows. Ignore events of other kinds.
 */
export type ChangeEvent =
  | EventTagPut
  | EventTagRemove
  | EventTagsReplace
  | EventTagsMerge
  | EventTagsUndo
  | EventTagsRestore
  | EventTagsApprove
  | EventPublish
  | EventStage
  | EventStageReject
  | EventDeprecate
  | EventUnpublishVersions
  | EventUnpublishAll
  | EventOwners
  | EventRulesPut
  | EventStar
  | EventNameGiveBack;
/**
 * The status of a change.
 */
export type Outcome =
  | {
      id: ChangeId;
      name: PackageName;
      /**
       * The change waits in the queue.
       */
      state: "pending";
      [k: string]: unknown;
    }
  | {
      id: ChangeId;
      name: PackageName;
      /**
       * The change is in the package.
       */
      state: "applied";
      /**
       * 1, 2, 3 … for each package, without gaps.
       */
      sequence: number;
      /**
       * The revision of the packument that has the change: the number in its _rev.
       */
      revision: number;
      /**
       * The tags right after the change.
       */
      "dist-tags"?: {
        [k: string]: string;
      };
      [k: string]: unknown;
    }
  | {
      id: ChangeId;
      name: PackageName;
      /**
       * The package refused the change.
       */
      state: "rejected";
      /**
       * For programs.
       */
      code:
        | "invalid"
        | "not_found"
        | "version_exists"
        | "conflict"
        | "precondition_failed"
        | "forbidden"
        | "too_large"
        | "tarball_missing";
      /**
       * For people: what is wrong and how to fix it.
       */
      error: string;
      [k: string]: unknown;
    }
  | {
      id: ChangeId;
      name: PackageName;
      /**
       * The change is a dead letter, until an operator redrives it.
       */
      state: "failed";
      error: string;
      [k: string]: unknown;
    };

export interface Contract {
  change: ChangeMessage;
  event: ChangeEvent;
  outcome: Outcome;
}
export interface TagPut {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "tag.put";
  why?: Why;
  tag: Tag;
  version: Version;
  /**
   * The ETag of the tags that the sender read. The change is refused when the tags changed since.
   */
  ifMatch?: string;
  /**
   * The change only creates: it is refused when one of the tags exists.
   */
  ifNoneMatch?: "*";
}
/**
 * Why the change was made: a command, a person's words, a CI run. It is kept in the history.
 */
export interface Why {
  command?: string;
  message?: string;
  run?: string;
}
export interface TagRemove {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "tag.remove";
  why?: Why;
  tag: Tag;
  /**
   * The ETag of the tags that the sender read. The change is refused when the tags changed since.
   */
  ifMatch?: string;
}
export interface TagsReplace {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "tags.replace";
  why?: Why;
  tags: TagSet;
  /**
   * The ETag of the tags that the sender read. The change is refused when the tags changed since.
   */
  ifMatch?: string;
}
/**
 * Tag → version.
 */
export interface TagSet {
  [k: string]: Version;
}
export interface TagsMerge {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "tags.merge";
  why?: Why;
  tags: TagSet;
  /**
   * The ETag of the tags that the sender read. The change is refused when the tags changed since.
   */
  ifMatch?: string;
  /**
   * The change only creates: it is refused when one of the tags exists.
   */
  ifNoneMatch?: "*";
}
export interface TagsUndo {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "tags.undo";
  why?: Why;
  undoes: ChangeId;
  sequence: number;
  tags: {
    [k: string]: {
      from?: Version;
      to?: Version;
    };
  };
  force?: boolean;
  /**
   * The ETag of the tags that the sender read. The change is refused when the tags changed since.
   */
  ifMatch?: string;
}
export interface TagsRestore {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "tags.restore";
  why?: Why;
  tags: TagSet;
  since: number;
  seen: number;
  force?: boolean;
  /**
   * The ETag of the tags that the sender read. The change is refused when the tags changed since.
   */
  ifMatch?: string;
}
export interface TagsApprove {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "tags.approve";
  why?: Why;
  tag: Tag;
  version: Version;
}
export interface Deprecate {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "deprecate";
  why?: Why;
  messages: {
    [k: string]: string;
  };
  /**
   * The number in the _rev that the sender read. The change is refused when it would undo something newer.
   */
  baseRevision?: number;
}
export interface UnpublishVersions {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "unpublish.versions";
  why?: Why;
  /**
   * @minItems 1
   */
  versions: [Version, ...Version[]];
  /**
   * The number in the _rev that the sender read. The change is refused when it would undo something newer.
   */
  baseRevision?: number;
}
export interface UnpublishAll {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "unpublish.all";
  why?: Why;
  /**
   * The number in the _rev that the sender read. The change is refused when it would undo something newer.
   */
  baseRevision?: number;
}
export interface Owners {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "owners";
  why?: Why;
  /**
   * @minItems 1
   * @maxItems 200
   */
  maintainers: [
    {
      name: UserName;
      email?: string;
    },
    ...{
      name: UserName;
      email?: string;
    }[],
  ];
  /**
   * The number in the _rev that the sender read. The change is refused when it would undo something newer.
   */
  baseRevision?: number;
}
export interface RulesPut {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "rules.put";
  why?: Why;
  /**
   * @maxItems 50
   */
  rules: {
    tags: string;
    /**
     * @minItems 1
     * @maxItems 50
     */
    movers?: [UserName | string | string | string, ...(UserName | string | string | string)[]];
    forward?: true;
    releases?: true;
    from?: "ci" | "provenance";
    minutes?: number;
    /**
     * @minItems 1
     * @maxItems 50
     */
    freeze?: [
      (
        | {
            from: string;
            until: string;
          }
        | {
            weekly: {
              from: string;
              until: string;
            };
          }
      ),
      ...(
        | {
            from: string;
            until: string;
          }
        | {
            weekly: {
              from: string;
              until: string;
            };
          }
      )[],
    ];
    approvals?: {
      count: number;
      /**
       * @minItems 1
       * @maxItems 50
       */
      by?: [UserName | string | string | string, ...(UserName | string | string | string)[]];
    };
    note?: string;
  }[];
}
export interface NameGiveBack {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * When the change was made, ISO 8601 in UTC.
   */
  at: string;
  type: "name.give-back";
  why?: Why;
}
export interface EventTagPut {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "tag.put";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    tag: Tag;
    version: Version;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventTagRemove {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "tag.remove";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    tag: Tag;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventTagsReplace {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "tags.replace";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventTagsMerge {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "tags.merge";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventTagsUndo {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "tags.undo";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    undoes: ChangeId;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventTagsRestore {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "tags.restore";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    since: number;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventTagsApprove {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "tags.approve";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    tag: Tag;
    version: Version;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventPublish {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "publish";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    version: Version;
    description?: unknown;
    keywords?: unknown;
    license?: unknown;
    contributors?: unknown;
    dependencies?: unknown;
    homepage?: unknown;
    repository?: unknown;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventStage {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "stage";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventStageReject {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "stage.reject";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventDeprecate {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "deprecate";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    versions: Version[];
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventUnpublishVersions {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "unpublish.versions";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    versions: Version[];
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventUnpublishAll {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "unpublish.all";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventOwners {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "owners";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    /**
     * @minItems 1
     * @maxItems 200
     */
    maintainers: [
      {
        name: UserName;
        email?: string;
      },
      ...{
        name: UserName;
        email?: string;
      }[],
    ];
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventRulesPut {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "rules.put";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    rules?: {
      tags: string;
      [k: string]: unknown;
    }[];
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventStar {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "star";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    starred: boolean;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
export interface EventNameGiveBack {
  schema: 1;
  id: ChangeId;
  name: PackageName;
  /**
   * 1, 2, 3 … for each package, without gaps.
   */
  sequence: number;
  /**
   * The revision of the packument that has the change: the number in its _rev.
   */
  revision: number;
  /**
   * When the change was accepted, ISO 8601 in UTC.
   */
  at: string;
  /**
   * Who made the change.
   */
  actor: {
    name: string;
    [k: string]: unknown;
  };
  /**
   * The release of several packages that the change is part of.
   */
  release?: string;
  type: "name.give-back";
  data: {
    name: PackageName;
    /**
     * All tags of the package after the change.
     */
    "dist-tags"?: {
      [k: string]: string;
    };
    /**
     * Set when the data was cut to its key fields: read the packument.
     */
    truncated?: true;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
