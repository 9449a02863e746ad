import {
  ChangeId,
  entryOf,
  findRecord,
  stateOf,
  tagsAfter,
  type AppliedRecord,
  type Draft,
  type Packument,
} from "@codebox/core";
import * as z from "zod";
import { namedCaller } from "../auth.ts";
import { readJson } from "../body.ts";
import { ifMatch, withTags } from "../conditions.ts";
import type { ApiSettings, AppContext, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName, requirePackage } from "../lookup.ts";
import { keyedChangeId } from "../repeats.ts";
import { submitChange } from "../submission.ts";

/** Bytes. The bodies name one change or one time. */
const BODY_MAX = 4 * 1024;

const options = { force: z.boolean().default(false), dryRun: z.boolean().default(false) };
const Undo = z.union([
  z.strictObject({ change: ChangeId, ...options }),
  z.strictObject({ sequence: z.int().positive(), ...options }),
]);
const Restore = z.union([
  z.strictObject({ at: z.iso.datetime({ offset: true }), ...options }),
  z.strictObject({ sequence: z.int().nonnegative(), ...options }),
]);

const UNDO_HELP =
  'the body must name a change of the history: {"change": "<id>"} or {"sequence": 7}, and may have "force" and "dryRun"';
const RESTORE_HELP =
  'the body must name a time or a change: {"at": "2026-11-24T10:00:00Z"} or {"sequence": 7}, and may have "force" and "dryRun"';

/** Taking back one change of the tags, and returning to the tags of an earlier time. */
export const undoRoutes = (ports: WritePorts, settings: Pick<ApiSettings, "waitMs">): RouteGroup =>
  routeGroup("write", (on) => {
    on.post("/-/package/:name/undo", async (c) => {
      const request = await bodyOf(c, Undo, UNDO_HELP);
      const { packument } = await requirePackage(c, ports, packageName(c));
      return answer(c, { ports, settings }, request, await undoing(ports, packument, request));
    });

    on.post("/-/package/:name/restore", async (c) => {
      const request = await bodyOf(c, Restore, RESTORE_HELP);
      const { packument } = await requirePackage(c, ports, packageName(c));
      return answer(c, { ports, settings }, request, await restoring(ports, packument, request));
    });
  });

async function bodyOf<Schema extends z.ZodType>(c: AppContext, schema: Schema, help: string): Promise<z.infer<Schema>> {
  const parsed = schema.safeParse(await readJson(c, BODY_MAX));
  if (!parsed.success) throw new ApiError("invalid", help);
  return parsed.data;
}

/** Sends the change. A repetition is recognised by what was asked for: what the history says of it may have grown. */
async function answer(
  c: AppContext,
  { ports, settings }: { readonly ports: WritePorts; readonly settings: Pick<ApiSettings, "waitMs"> },
  request: { readonly force: boolean; readonly dryRun: boolean },
  draft: Draft,
): Promise<Response> {
  const { dryRun, ...asked } = request;
  const asker = { headers: c.req.raw.headers, user: namedCaller(c).name };
  const id = keyedChangeId(asker, { type: draft.type, name: draft.name, ...asked });
  const { name } = draft;
  try {
    return await submitChange(
      c,
      ports,
      { ...settings, dryRun },
      { ...draft, ...ifMatch(c) } as Draft,
      ({ distTags }) => ({
        status: 200,
        body: { ok: true, id: name, ...(dryRun ? { dryRun } : {}), "dist-tags": distTags },
      }),
      id,
    );
  } catch (error) {
    throw await withTags(c, ports, name, error);
  }
}

async function undoing(ports: WritePorts, packument: Packument, request: z.infer<typeof Undo>): Promise<Draft> {
  const { name } = packument;
  const record =
    "change" in request
      ? await byId(ports, packument, request.change)
      : await bySequence(ports, packument, request.sequence);
  const { id, sequence, tags = {} } = await entryOf(ports.store, name, record);
  if (Object.keys(tags).length === 0)
    throw new ApiError(
      "invalid",
      `change ${sequence} of ${name} (${record.type}) moved no tag, so there is nothing to undo`,
    );
  return { type: "tags.undo", name, undoes: id, sequence, tags, force: request.force };
}

async function restoring(ports: WritePorts, packument: Packument, request: z.infer<typeof Restore>): Promise<Draft> {
  const { name } = packument;
  const reached =
    "sequence" in request ? request.sequence : await sequenceAt(ports, packument, new Date(request.at).getTime());
  const seen = stateOf(packument).sequence;
  if (reached > seen) throw new ApiError("not_found", `${name} has no change ${reached} yet; its last one is ${seen}`);
  const tags = await tagsAfter(ports.store, packument, reached);
  if (tags === "too far") throw tooFar(name);
  return { type: "tags.restore", name, tags, since: reached, seen, force: request.force };
}

const byId = (ports: WritePorts, packument: Packument, id: string) =>
  required(ports, packument, `change ${id}`, (record) => record.id === id);

const bySequence = (ports: WritePorts, packument: Packument, sequence: number) =>
  required(ports, packument, `change ${sequence}`, (record) => record.sequence === sequence, sequence + 1);

async function required(
  { store }: WritePorts,
  packument: Packument,
  what: string,
  fits: (record: AppliedRecord) => boolean,
  before?: number,
): Promise<AppliedRecord> {
  const found = await findRecord(store, packument, fits, before);
  if (found === "too far") throw tooFar(packument.name);
  if (!found) throw new ApiError("not_found", `the history of ${packument.name} has no ${what}`);
  return found;
}

/** The sequence of the last change that was accepted by this time; 0: there was none. */
async function sequenceAt({ store }: WritePorts, packument: Packument, time: number): Promise<number> {
  const found = await findRecord(store, packument, ({ at }) => new Date(at).getTime() <= time);
  if (found === "too far") throw tooFar(packument.name);
  return found?.sequence ?? 0;
}

function tooFar(name: string): ApiError {
  return new ApiError(
    "too_large",
    `this is further back in the history of ${name} than one request reads; set the tags themselves`,
  );
}
