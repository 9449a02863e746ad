import {
  type Change,
  type ChangeOf,
  createPolicy,
  type IndexedPackage,
  type ObjectStore,
  type PackageSummary,
  stagedKey,
  stagingKey,
} from "@codebox/core";
import { makeTarball } from "./tarballs.ts";

let counter = 0;

/** A policy that lets everybody read and every named principal do everything. */
export const openPolicy = createPolicy({ anonymousRead: true });

/** What every change has; `id` is a new one unless given. */
function common(name: string, id: string | undefined) {
  const number = ++counter;
  const at = new Date(Date.UTC(2026, 0, 1) + number).toISOString();
  return {
    schema: 1 as const,
    id: id ?? `change-${number}`,
    name,
    at,
    actor: { kind: "user" as const, name: "alice" },
  };
}

export const tagPut = (name: string, tag: string, version: string, id?: string): ChangeOf<"tag.put"> => ({
  ...common(name, id),
  type: "tag.put",
  tag,
  version,
});

/** A publish whose tarball is real; `stage` puts it where the consumer looks for it. */
export function publishOf(
  name: string,
  version: string,
  options: { readonly id?: string; readonly tags?: string[] } = {},
): ChangeOf<"publish"> {
  const { bytes, integrity, shasum } = makeTarball({ name, version });
  const base = common(name, options.id);
  return {
    ...base,
    type: "publish",
    version,
    manifest: { name, version, description: `${name} ${version}` },
    tags: options.tags ?? ["latest"],
    tarball: { staging: stagingKey(base.id), integrity, shasum, size: bytes.length },
  };
}

/** Stages a version. `approvalOf` it publishes it. */
export function stageOf(
  name: string,
  version: string,
  options: { readonly id?: string; readonly stage?: string; readonly tags?: string[] } = {},
): ChangeOf<"stage"> {
  const { stage: id = `00000000-0000-4000-8000-${String(++counter).padStart(12, "0")}` } = options;
  const { type: _, stage: _none, ...change } = publishOf(name, version, options);
  return { ...change, type: "stage", stage: id, tarball: { ...change.tarball, staging: stagedKey(id) } };
}

/** The approval of a staged version: a publish of the same. */
export function approvalOf(staged: ChangeOf<"stage">, by = "alice", id?: string): ChangeOf<"publish"> {
  const { id: fresh, at } = common(staged.name, id);
  return { ...staged, type: "publish", id: fresh, at, actor: { kind: "user", name: by } };
}

/** Puts a publish's tarball where it says that it is staged. */
export async function stage(store: ObjectStore, change: ChangeOf<"publish" | "stage">): Promise<void> {
  await store.put(change.tarball.staging, makeTarball({ name: change.name, version: change.version }).bytes);
}

/** Any change, its common fields filled in. */
export function changeOf<Type extends Change["type"]>(
  type: Type,
  name: string,
  fields: Omit<ChangeOf<Type>, "schema" | "id" | "name" | "at" | "actor" | "type">,
  id?: string,
): ChangeOf<Type> {
  return { ...common(name, id), type, ...fields } as unknown as ChangeOf<Type>;
}

/** For callbacks that must not be called. */
export function fail(error: unknown): never {
  throw error;
}

/** A package of the index. @example indexedOf("wire", { description: "carries a signal" }) */
export const indexedOf = (
  name: string,
  { sequence = 1, ...more }: Partial<PackageSummary> & { readonly sequence?: number } = {},
): IndexedPackage => ({ name, sequence, summary: summaryNamed(name, more) });

export const summaryNamed = (name: string, more: Partial<PackageSummary> = {}): PackageSummary => ({
  name,
  version: "1.0.0",
  keywords: [],
  links: {},
  publisher: "alice",
  maintainers: [{ name: "alice" }],
  stars: [],
  ...more,
});
