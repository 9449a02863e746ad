/** Documents with fewer versions are as fast when they are written at once, and need no memory for texts. */
const MANY_VERSIONS = 100;

/** Whether the texts of single versions are worth their memory. */
export function hasManyVersions({ versions }: { readonly versions: Readonly<Record<string, object>> }): boolean {
  return Object.keys(versions).length >= MANY_VERSIONS;
}

/**
 * Remembers what is made of a manifest as long as the manifest itself is in memory. No manifest ever changes: a change of a version
 * puts another one in its place.
 *
 * @example const textOf = rememberedFor((manifest, version) => versionText(version, JSON.stringify(manifest)));
 */
export function rememberedFor<Manifest extends object, Made>(
  make: (manifest: Manifest, version: string, name: string) => Made,
): typeof make {
  const known = new WeakMap<Manifest, Made>();
  return (manifest, version, name) => {
    const before = known.get(manifest);
    if (before !== undefined) return before;
    const made = make(manifest, version, name);
    known.set(manifest, made);
    return made;
  };
}

/** A version in the text of a document, with the comma before it. `json` may lack its end. */
export function versionText(version: string, json: string): Uint8Array {
  return Buffer.from(`,${JSON.stringify(version)}:${json}`);
}

/**
 * The JSON of a document from texts of its versions, which may be in several pieces each. Bytes are copied, nothing is encoded again.
 *
 * @example documentText({ name: "wire" }, [versionText("1.0.0", "{}")]) // {"name":"wire","versions":{"1.0.0":{}}}
 */
export function documentText(
  head: Readonly<Record<string, unknown>>,
  versions: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const fields = JSON.stringify(head).slice(0, -1);
  const start = Buffer.from(`${fields}${fields === "{" ? "" : ","}"versions":{`);
  const [first = END, ...others] = versions;
  const pieces = [start, versions.length === 0 ? NOTHING : first.subarray(1), ...others, END];
  const text = new Uint8Array(pieces.reduce((size, piece) => size + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    text.set(piece, at);
    at += piece.byteLength;
  }
  return text;
}

const END = Buffer.from("}}");
const NOTHING = new Uint8Array();
