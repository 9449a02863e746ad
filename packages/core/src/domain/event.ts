import type { Change } from "./change.ts";

/**
 * What a subscriber is told about an applied change. At least once: `id` tells a repetition, `sequence` a gap.
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
  readonly name: string;
  /** 1, 2, 3 … for each package, without gaps. */
  readonly sequence: number;
  readonly revision: number;
  readonly type: Change["type"];
  /** When the change was accepted, ISO 8601 in UTC. */
  readonly at: string;
  readonly actor: { readonly name: string };
  readonly data: Readonly<Record<string, unknown>>;
};
