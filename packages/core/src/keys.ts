/**
 * Where things lie in the store. The first two are the predecessor's layout; all of codebox's own objects stand under
 * `_codebox/`, a prefix that no package name can have.
 */
export const indexKey = (name: string): string => `${name}/index.json`;
export const tarballKey = (name: string, version: string): string => `${name}/${version}.tgz`;
export const stagingKey = (id: string): string => `${STAGING_PREFIX}${id}`;

export const STAGING_PREFIX = "_codebox/staging/";
export const UPSTREAM_PREFIX = "_codebox/upstream/";

/** The package whose document a key is: `@acme/wire` for `@acme/wire/index.json`; `undefined` for any other object. */
export function packageOfKey(key: string): string | undefined {
  return key.endsWith("/index.json") && !key.startsWith("_codebox/") ? key.slice(0, -"/index.json".length) : undefined;
}
