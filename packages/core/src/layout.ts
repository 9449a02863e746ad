/**
 * Where things lie in the store. The first two are the predecessor's layout; all of codebox's own objects stand under
 * `_codebox/`, a prefix that no package name can have.
 */
export const indexKey = (name: string): string => `${name}/index.json`;
export const tarballKey = (name: string, version: string): string => `${name}/${version}.tgz`;
/** A piece of an upstream package in the cache. Escaped, so that no name and file meet another name's: `@acme/wire` and `@acme`. */
export const upstreamKey = (name: string, file: string): string =>
  `${UPSTREAM_PREFIX}${encodeURIComponent(name)}/${encodeURIComponent(file)}`;
export const stagingKey = (id: string): string => `${STAGING_PREFIX}${id}`;

const OWN_PREFIX = "_codebox/";
export const STAGING_PREFIX = `${OWN_PREFIX}staging/`;
export const UPSTREAM_PREFIX = `${OWN_PREFIX}upstream/`;

/** The package whose document a key is: `@acme/wire` for `@acme/wire/index.json`; `undefined` for any other object. */
export function packageOfKey(key: string): string | undefined {
  return key.endsWith("/index.json") && !key.startsWith(OWN_PREFIX) ? key.slice(0, -"/index.json".length) : undefined;
}

/** The key behind which a listing of packages goes on: what is our own, the upstream's cache above all, is passed over. */
export function behindOwn(cursor: string | undefined): string | undefined {
  return cursor?.startsWith(OWN_PREFIX) ? OWN_END : cursor;
}

/** The first key behind all of ours: "0" follows "/". No package name begins with an underscore. */
const OWN_END = "_codebox0";
