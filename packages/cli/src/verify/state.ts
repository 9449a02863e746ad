import { APPLIED_RING, type Packument } from "@codebox/core";
import * as z from "zod";
import { error, type Finding } from "./finding.ts";

const count = z.int().nonnegative();
const Event = z.looseObject({
  schema: z.literal(1),
  id: z.string().min(1),
  name: z.string(),
  sequence: z.int().positive(),
  revision: z.int().positive(),
  type: z.string(),
  at: z.string(),
  actor: z.looseObject({ name: z.string() }),
  data: z.record(z.string(), z.unknown()),
});
const Record = z.looseObject({
  id: z.string().min(1),
  sequence: z.int().positive(),
  type: z.string(),
  at: z.string(),
  by: z.string(),
  versions: z.array(z.string()).optional(),
  tag: z.string().optional(),
});
const State = z.looseObject({
  schema: z.literal(1),
  revision: count,
  sequence: count,
  applied: z.array(Record),
  archived: z.looseObject({ from: z.int().positive(), to: z.int().positive() }).optional(),
  outbox: z.array(Event),
});
type State = z.infer<typeof State>;

const RESTORE =
  "bring the object's former version back (aws s3api list-object-versions), or remove _codebox from it when nobody reads the events";

/**
 * What is wrong with a document's own record, `_codebox`: the ring of applied changes and the outbox.
 *
 * @example stateFindings("wire/index.json", packument) // []
 */
export function stateFindings(
  key: string,
  { name, _codebox }: Pick<Packument, "name" | "_codebox">,
): readonly Finding[] {
  const parsed = State.safeParse(_codebox);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = ["_codebox", ...(issue?.path ?? [])].join(".");
    return [error("state-malformed", key, `${where}: ${issue?.message ?? "malformed"}`, RESTORE)];
  }
  return [
    ...revisionProblems(parsed.data).map((problem) => error("state-revision", key, problem, RESTORE)),
    ...ringProblems(parsed.data).map((problem) => error("state-ring", key, problem, RESTORE)),
    ...outboxProblems(name, parsed.data).map((problem) => error("state-outbox", key, problem, RESTORE)),
  ];
}

function* revisionProblems({ revision, sequence }: State): Generator<string> {
  if (revision < sequence)
    yield `revision ${revision} is below sequence ${sequence}: every change raises both, and an adopted document begins higher`;
}

function* ringProblems({ applied, archived, sequence }: State): Generator<string> {
  const first = applied[0]?.sequence ?? 1;
  // A record stays in the ring until the store's history has it.
  if (applied.length > APPLIED_RING && first <= (archived?.to ?? 0))
    yield `the ring holds ${applied.length} changes; at most ${APPLIED_RING} are kept of those that the history has`;
  if (archived && first > archived.to + 1)
    yield `the ring begins at ${first}, but the history ends at ${archived.to}: records in between are lost`;
  const ids = new Set(applied.map(({ id }) => id));
  if (ids.size < applied.length) yield "the ring names a change twice: one was applied again";
  const problem = sequenceProblem("the ring", applied, sequence);
  if (problem !== undefined) yield problem;
  if (applied.length < Math.min(sequence, APPLIED_RING))
    yield `the ring holds ${applied.length} changes, but ${sequence} were applied: repeated ones would not be recognised`;
}

function* outboxProblems(name: string, { applied, outbox, sequence, revision }: State): Generator<string> {
  const problem = sequenceProblem("the outbox", outbox, sequence);
  if (problem !== undefined) yield problem;
  const foreign = outbox.find((event) => event.name !== name);
  if (foreign) yield `the outbox holds an event of ${foreign.name}`;
  const byId = new Map(applied.map((record) => [record.id, record.sequence]));
  for (const event of outbox) {
    const recorded = byId.get(event.id);
    if (recorded !== undefined && recorded !== event.sequence)
      yield `the event ${event.id} has sequence ${event.sequence}, its change ${recorded}`;
    if (event.revision - event.sequence !== revision - sequence)
      yield `the event ${event.id} has revision ${event.revision}, which does not fit its sequence ${event.sequence}`;
  }
}

function sequenceProblem(
  what: string,
  entries: readonly { readonly sequence: number }[],
  sequence: number,
): string | undefined {
  const last = entries.at(-1);
  if (!last) return undefined;
  const gap = entries.findIndex((entry, index) => entry.sequence !== last.sequence - (entries.length - 1 - index));
  if (gap >= 0) return `${what} has a gap: entry ${gap} has sequence ${entries[gap]?.sequence}`;
  return last.sequence === sequence
    ? undefined
    : `${what} ends at sequence ${last.sequence}, the document at ${sequence}`;
}
