import { makeTarball, type MadeTarball } from "../tarballs.ts";

export type PublishOptions = {
  /** Default: `latest`. */
  readonly tag?: string;
  /** More fields of the manifest, and of the tarball's package.json. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Fields of `dist` that replace the true ones. */
  readonly dist?: Readonly<Record<string, unknown>>;
  readonly tarball?: MadeTarball;
  /** Fields of the attachment that replace the true ones. */
  readonly attachment?: Readonly<Record<string, unknown>>;
  /** More attachments. */
  readonly attachments?: Readonly<Record<string, unknown>>;
};

/** The body of a publish, as npm sends it. Source: libnpmpublish lib/publish.js. */
export function publishDocument(name: string, version: string, options: PublishOptions = {}): Record<string, unknown> {
  const { tag = "latest", manifest = {} } = options;
  const { bytes, integrity, shasum } = options.tarball ?? makeTarball({ name, version, manifest });
  const dist = { integrity, shasum, ...options.dist };
  const data = bytes.toString("base64");
  const attachment = { content_type: "application/octet-stream", data, length: bytes.length, ...options.attachment };
  return {
    _id: name,
    name,
    "dist-tags": { [tag]: version },
    versions: { [version]: { ...manifest, name, version, _id: `${name}@${version}`, dist } },
    _attachments: { [`${name}-${version}.tgz`]: attachment, ...options.attachments },
  };
}
