import {
  createStagedNames,
  createUnansweredPublishes,
  isReadableName,
  putStagedContent,
  sha256Hex,
  stageDigest,
  stagedAt,
  stagedContent,
  stagedContentKey,
  stagedKey,
  stageExpiry,
  StageId,
  type Packument,
  type StagedVersion,
  type StoredContent,
} from "@codebox/core";
import { namedCaller } from "../auth.ts";
import type { ApiSettings, AppContext, ReadPorts, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName } from "../lookup.ts";
import { draftOf, openRequest, receive } from "../publish/request.ts";
import { withStaging } from "../publish/staging.ts";
import { createRepeats } from "../repeats.ts";
import { submitChange } from "../submission.ts";
import { answerTarball } from "./tarball.ts";

const LIST = "/-/stage";
const ONE = "/-/stage/:id";

/** Most items in one answer. npm and pnpm ask for so many. */
const PAGE_MAX = 100;

/** Seeing what waits for approval: for those who may stage versions of the package. Source: npm lib/commands/stage. */
export const stageReadRoutes = (ports: ReadPorts): RouteGroup =>
  routeGroup("read", (on) => {
    const stagedNames = createStagedNames(ports);
    on.get(LIST, async (c) => {
      namedCaller(c);
      const [page, perPage] = [numberIn(c, "page", 0), numberIn(c, "perPage", PAGE_MAX)];
      const name = c.req.query("package");
      if (name !== undefined && !isReadableName(name)) throw new ApiError("invalid", "?package= takes a package name");
      const names = name === undefined ? (await stagedNames()).toSorted() : [name];
      const items = (await Promise.all(names.map((one) => visible(c, ports, one)))).flat();
      c.header("cache-control", "no-store");
      const from = page * Math.min(Math.max(1, perPage), PAGE_MAX);
      return c.json({ items: items.slice(from, from + Math.min(perPage, PAGE_MAX)), total: items.length });
    });

    on.get(ONE, async (c) => {
      const { content, entry, name } = await find(c, ports);
      c.header("cache-control", "no-store");
      return c.json({
        ...shown(name, entry),
        integrity: entry.integrity,
        size: entry.size,
        manifest: content.manifest,
      });
    });

    on.get(`${ONE}/tarball`, async (c) => {
      const { entry } = await find(c, ports);
      return answerTarball(c, ports.store, stagedKey(entry.id));
    });
  });

/** Staging a version, also with a token that may do nothing else. Source: libnpmpublish lib/publish.js. */
export const stageRoutes = (ports: WritePorts, settings: ApiSettings): RouteGroup =>
  routeGroup("stage", (on) => {
    const onFailure = (error: unknown) => ports.onFailure?.(error, { method: "POST", path: LIST });
    const repeats = createRepeats(createUnansweredPublishes(ports), onFailure);

    on.post("/-/stage/package/:name", async (c) => {
      const name = packageName(c);
      const id = uuidOf(ports.ids.next());
      const newKey = () => stagedKey(id);
      return withStaging({ ...ports, newKey, onFailure }, settings, async (area) => {
        const request = openRequest(c, { ports, settings, area, repeats }, name, "stage");
        const { draft, current } = await draftOf(request, await receive(request));
        const before = sameStaged(current, draft, namedCaller(c).name, ports.clock.now().toISOString());
        if (before) return c.json({ ok: true, id: name, stageId: before.id }, 201);
        const { type: _, stage: _none, ...content } = draft;
        await putStagedContent(ports, id, content);
        const answer = () => ({ status: 201 as const, body: { ok: true, id: name, stageId: id } });
        try {
          const change = { ...content, type: "stage" as const, stage: id };
          return await area.handOver(() => submitChange(c, ports, settings, change, answer), { keeps: true });
        } catch (error) {
          if (error instanceof ApiError) await ports.store.delete(stagedContentKey(id)).catch(onFailure);
          throw error;
        }
      });
    });
  });

/** Approving and rejecting staged versions. Source: npm lib/commands/stage. */
export const stageReviewRoutes = (ports: WritePorts, settings: ApiSettings): RouteGroup =>
  routeGroup("write", (on) => {
    on.post(`${ONE}/approve`, async (c) => {
      const { content, entry, name } = await find(c, ports);
      const change = { ...content, type: "publish" as const, stage: entry.id };
      return submitChange(c, ports, settings, change, ({ distTags }) => ({
        status: 201,
        body: { ok: true, id: name, stageId: entry.id, version: entry.version, "dist-tags": distTags },
      }));
    });

    on.delete(ONE, async (c) => {
      const { entry, name } = await find(c, ports);
      const change = { type: "stage.reject" as const, name, stage: entry.id };
      const answer = await submitChange(c, ports, settings, change, () => ({ status: 200, body: {} }));
      return answer.status === 202 ? answer : c.body(null, 204);
    });
  });

type Found = { readonly name: string; readonly entry: StagedVersion; readonly content: StoredContent };

/** The staged version that a path names, for a caller who may see it. @throws ApiError `unauthenticated`, `not_found` */
async function find(c: AppContext, ports: Pick<ReadPorts, "store" | "reader" | "policy" | "clock">): Promise<Found> {
  namedCaller(c);
  const id = (c.req.param("id") ?? "").toLowerCase();
  const content = StageId.safeParse(id).success ? await stagedContent(ports, id) : undefined;
  const packument = content && (await ports.reader.read(content.name))?.packument;
  const entry = stagedAt(packument, ports.clock.now().toISOString()).find((one) => one.id === id);
  if (!content || !entry || !maySee(c, ports, content.name, packument))
    throw new ApiError(
      "not_found",
      `no staged version has the id "${id.slice(0, 80)}": it was approved or rejected, it expired, or you may not see it`,
    );
  return { name: content.name, entry, content };
}

function maySee(c: AppContext, { policy }: Pick<ReadPorts, "policy">, name: string, packument: Packument | undefined) {
  return policy.may(c.get("principal"), "stage", { name, packument }).allowed;
}

/** The staged versions of a package, as far as the caller may see them. */
async function visible(c: AppContext, ports: Pick<ReadPorts, "reader" | "policy" | "clock">, name: string) {
  const packument = (await ports.reader.read(name))?.packument;
  if (!packument || !maySee(c, ports, name, packument)) return [];
  return stagedAt(packument, ports.clock.now().toISOString()).map((entry) => shown(name, entry));
}

/** As npm and pnpm show an item. */
function shown(packageName: string, entry: StagedVersion) {
  const { id, version, tags, at, by, kind = "user", shasum } = entry;
  return {
    id,
    packageName,
    version,
    tag: tags.join(", ") || "latest",
    createdAt: at,
    expiresAt: new Date(stageExpiry(entry)).toISOString(),
    actor: by,
    actorType: kind,
    shasum,
  };
}

/** The staged version that a request stages again, because its answer did not arrive. */
function sameStaged(packument: Packument | undefined, draft: StoredContent, by: string, at: string) {
  const digest = stageDigest(draft);
  return stagedAt(packument, at).find((one) => one.sha256 === digest && one.by === by);
}

/** A UUID (RFC 9562, 5.8) from an id of ours: npm takes nothing else. */
function uuidOf(id: string): string {
  const hex = sha256Hex(id);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function numberIn(c: AppContext, name: string, otherwise: number): number {
  const text = c.req.query(name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,6}$/.test(text)) throw new ApiError("invalid", `?${name}= takes a whole number`);
  return Number(text);
}
