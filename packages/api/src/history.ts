import { HISTORY_PAGE_MAX, historyPage, without, type AppliedRecord } from "@codebox/core";
import type { AppContext, ReadPorts } from "./context.ts";
import { ApiError } from "./errors.ts";
import { packageName, requirePackage } from "./lookup.ts";

/** Entries in an answer, unless `?limit=` asks for another number. */
const PAGE = 50;

/**
 * Answers a page of a package's history, the newest entry first: `{"name","history":[…],"next"}`. The next page has `?before=<next>`.
 *
 * @param matches which changes count. Default: all.
 * @throws ApiError `not_found`, `invalid`, and what `findPackage` throws
 */
export async function answerHistory(
  c: AppContext,
  ports: Pick<ReadPorts, "store" | "catalog" | "policy">,
  matches?: (record: AppliedRecord) => boolean,
): Promise<Response> {
  const limit = numberIn(c, "limit", HISTORY_PAGE_MAX) ?? PAGE;
  const before = numberIn(c, "before", Number.MAX_SAFE_INTEGER);
  const { packument } = await requirePackage(c, ports, packageName(c));
  const query = { limit, ...(before === undefined ? {} : { before }), ...(matches ? { matches } : {}) };
  const { entries, next } = await historyPage(ports.store, packument, query);
  c.header("cache-control", "private, no-cache");
  const target = { name: packument.name, packument };
  const seesStaged = ports.policy.may(c.get("principal"), "stage", target).allowed;
  const history = seesStaged ? entries : entries.map((entry) => without(entry, ["staged"]));
  return c.json({ name: packument.name, history, ...(next === undefined ? {} : { next }) });
}

function numberIn(c: AppContext, name: string, most: number): number | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^[1-9]\d{0,15}$/.test(text) || value > most)
    throw new ApiError("invalid", `?${name}= takes a whole number from 1 to ${most}`);
  return value;
}
