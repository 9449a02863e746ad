import {
  own,
  readRelease,
  ReleaseId,
  sha256Hex,
  type ReleaseDraft,
  type ReleaseProblem,
  type ReleaseResult,
} from "@codebox/core";
import { namedCaller } from "../auth.ts";
import type { ApiSettings, AppContext, ReadPorts, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { loggable } from "../loggable.ts";
import { receiveRelease } from "../publish/release.ts";
import { withStaging } from "../publish/staging.ts";
import { keyedChangeId } from "../repeats.ts";
import { confirmChanges } from "../second-factor.ts";
import { whyOf } from "../why.ts";

const RELEASES = "/-/v1/releases";

/** What became of a release, for those who may read all of its packages. */
export const releaseReadRoutes = ({ store, catalog }: Pick<ReadPorts, "store" | "catalog">): RouteGroup =>
  routeGroup("read", (on) => {
    on.get(`${RELEASES}/:id`, async (c) => {
      const id = c.req.param("id");
      const record = ReleaseId.safeParse(id).success ? await readRelease(store, id) : undefined;
      const names = Object.keys(record?.changes ?? {});
      const found = await Promise.all(names.map((name) => catalog.find(name, c.get("principal"), { toWrite: true })));
      if (!record || found.some(({ kind }) => kind === "refused"))
        throw new ApiError("not_found", `no release "${id.slice(0, 100)}" is known here`);
      const { state, at, until, actor, changes, reason } = record;
      c.header("cache-control", "no-store");
      return c.json({ id, state, at, by: actor.name, changes, ...(state === "open" ? { until } : {}), reason });
    });
  });

/**
 * Releases of several packages: all of them are visible, or none. The PUTs are pnpm's `publish --batch`.
 *
 * Sources: pnpm 11 and 12, `pnpm -r publish --batch`: `/-/pnpr/v0/publish`; later ones name `/-/pnpm/v1/publish` too.
 */
export const releaseWriteRoutes = (ports: WritePorts, settings: ApiSettings): RouteGroup =>
  routeGroup("write", (on) => {
    const release = (c: AppContext): Promise<Response> => {
      const { method, path } = c.req;
      const onFailure = (error: unknown) => ports.onFailure?.(error, { method, path: loggable(path) });
      return withStaging({ ...ports, onFailure }, settings, async (area) => {
        const { drafts, dryRun } = await receiveRelease(c, { ports, settings, area });
        if (!dryRun) await confirmChanges(c, ports, drafts);
        const id = await idOf(c, ports, drafts);
        const why = whyOf(c.req.raw.headers);
        const options = {
          principal: namedCaller(c),
          dryRun,
          ...(id === undefined ? {} : { id }),
          ...(why ? { why } : {}),
        };
        return area.handOver(async () => answer(c, drafts, await ports.release(drafts, options)));
      });
    };
    on.post(RELEASES, release);
    on.put("/-/pnpr/v0/publish", release);
    on.put("/-/pnpm/v1/publish", release);
  });

function answer(c: AppContext, drafts: readonly ReleaseDraft[], result: ReleaseResult): Response {
  switch (result.kind) {
    case "refused":
      throw refusal(result.problems);
    case "unfinished":
      throw new ApiError(
        "unavailable",
        `the release was aborted: ${result.reason}. Nothing of it is visible; send it again`,
        { "retry-after": "2" },
        { release: result.id },
      );
    case "committed": {
      const packages = drafts.map((draft) => ({
        name: draft.name,
        ...(draft.type === "publish" ? { version: draft.version, tags: draft.tags } : { "dist-tags": draft.tags }),
        change: own(result.changes, draft.name),
      }));
      const isTried = Object.keys(result.changes).length === 0;
      return c.json(
        { ok: true, success: true, ...(isTried ? { dryRun: true } : { release: result.id }), packages },
        201,
      );
    }
  }
}

/** Most problems in the message; all of them are in the body. */
const SHOWN = 5;

function refusal(problems: readonly ReleaseProblem[]): ApiError {
  const [first] = problems;
  const lines = problems.slice(0, SHOWN).map(({ name, rejection }) => `${name}: ${rejection.message}`);
  const more = problems.length > SHOWN ? ` (and ${problems.length - SHOWN} more)` : "";
  return new ApiError(
    first?.rejection.code ?? "invalid",
    `nothing is released, since ${problems.length === 1 ? "a package refuses its change" : `${problems.length} packages refuse their changes`}: ${lines.join("; ")}${more}`,
    {},
    { problems: problems.map(({ name, rejection }) => ({ name, code: rejection.code, error: rejection.message })) },
  );
}

/**
 * What names the release over the client's retries: the `Idempotency-Key`, else the versions that it publishes with their bytes,
 * since a version is published once. `undefined`: nothing does.
 */
async function idOf(
  c: AppContext,
  { store, reader }: Pick<WritePorts, "store" | "reader">,
  drafts: readonly ReleaseDraft[],
): Promise<string | undefined> {
  const user = namedCaller(c).name;
  const contents = drafts.map((draft) =>
    draft.type === "publish" ? [draft.name, draft.version, draft.tags, draft.tarball.integrity] : draft,
  );
  const keyed = keyedChangeId({ headers: c.req.raw.headers, user }, contents);
  const publishes = drafts.flatMap((draft) => (draft.type === "publish" ? [draft] : []));
  if (keyed !== undefined || publishes.length === 0) return keyed;
  const guess = `pub-${sha256Hex(JSON.stringify([user, contents]))}`;
  const record = await readRelease(store, guess);
  if (!record || record.state === "open") return guess;
  const isThere = await Promise.all(
    publishes.map(async ({ name, version, tarball }) => {
      const packument = (await reader.read(name))?.packument;
      return own(packument?.versions, version)?.dist?.integrity === tarball.integrity;
    }),
  );
  return isThere.every(Boolean) ? guess : undefined;
}
