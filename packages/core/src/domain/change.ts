import * as z from "zod";
import { schemas } from "./changes/index.ts";

/** Checks a change that comes from outside: a request, the queue, another service. Unknown fields are refused. */
export const Change = z.discriminatedUnion("type", schemas as [Schema, ...Schema[]]);
type Schema = (typeof schemas)[number];

/**
 * A change of one package: the only thing that can alter an index.json. The API sends it, or another service does.
 *
 * It carries everything that `apply` needs, also the time and the ids, so that applying it gives the same result everywhere.
 * `type` is the kind; `domain/changes` has one file for each.
 *
 * @example
 * { "schema": 1, "id": "01J…", "name": "@acme/wire", "at": "2026-11-24T10:00:00.000Z", "actor": { "kind": "user", "name": "alice" },
 *   "type": "tag.put", "tag": "next", "version": "1.1.0" }
 */
export type Change = z.infer<typeof Change>;

/**
 * The changes of one kind, or of some.
 *
 * @example ChangeOf<"tag.put" | "tag.remove">
 */
export type ChangeOf<Type extends Change["type"]> = Extract<Change, { type: Type }>;

/**
 * What is wrong with a change that `Change` refused, as a message for its sender.
 *
 * @example changeProblem(error) // 'tag: the tag "1.x" is a valid semver range; …'
 */
export function changeProblem({ issues: [issue] }: z.ZodError): string {
  if (!issue) return "malformed change";
  // For the key of a record zod says only that it is invalid; the rule that it breaks names the key.
  const cause = issue.code === "invalid_key" ? issue.issues[0] : undefined;
  if (cause) return cause.message;
  return issue.path.length > 0 ? `${issue.path.join(".")}: ${issue.message}` : issue.message;
}

/**
 * A change without the fields that are added when it is accepted: what `submit` takes.
 *
 * @example { type: "tag.put", name: "wire", tag: "next", version: "1.1.0" }
 */
export type Draft = Change extends infer C
  ? C extends Change
    ? Omit<C, "schema" | "id" | "at" | "actor" | "why" | "release">
    : never
  : never;
