import * as z from "zod";
import { ChangeId, PackageName } from "./names.ts";

/** The fields that every event has. Subscribers ignore fields and kinds that they do not know. */
export const EVENT_FIELDS = {
  schema: z.literal(1),
  id: ChangeId,
  name: PackageName,
  sequence: z.int().positive().describe("1, 2, 3 … for each package, without gaps."),
  revision: z.int().positive().describe("The revision of the packument that has the change: the number in its _rev."),
  at: z.iso.datetime().describe("When the change was accepted, ISO 8601 in UTC."),
  actor: z.looseObject({ name: z.string() }).describe("Who made the change."),
};

/** The fields that the data of every event has. Data over 24 KB is cut to its key fields, without the tags. */
export const EVENT_DATA_FIELDS = {
  name: PackageName,
  "dist-tags": z.record(z.string(), z.string()).optional().describe("All tags of the package after the change."),
  truncated: z.literal(true).optional().describe("Set when the data was cut to its key fields: read the packument."),
};

/**
 * What subscribers receive about an applied change. At least once: a repeated event has the same `id`; a gap in `sequence`
 * means that an event is missing.
 *
 * @example
 * { "schema": 1, "id": "01J…", "name": "wire", "sequence": 7, "revision": 7, "type": "tag.put",
 *   "at": "2026-11-24T10:00:00.000Z", "actor": { "name": "alice" },
 *   "data": { "name": "wire", "tag": "next", "version": "1.1.0", "dist-tags": { "latest": "1.0.0", "next": "1.1.0" } } }
 */
export type ChangeEvent = {
  readonly schema: 1;
  /** The change's own id. */
  readonly id: string;
  /** The package. */
  readonly name: string;
  /** 1, 2, 3 … for each package, without gaps. */
  readonly sequence: number;
  /** The revision of the packument that has the change; the number in `_rev`. */
  readonly revision: number;
  /** The kind of the change, such as `tag.put`. An outbox may also hold a kind of a newer version, so it is any string. */
  readonly type: string;
  /** When the change was accepted, ISO 8601 in UTC. */
  readonly at: string;
  /** Who made the change. */
  readonly actor: { readonly name: string };
  /** `name`, the fields of the kind (`eventData` in `domain/changes`) and `dist-tags`; `truncated: true` when it was cut to its key fields. */
  readonly data: Readonly<Record<string, unknown>>;
};
