import { makeTarball } from "@codebox/testing";
import type { Registry } from "./registry.ts";

export type Answer = { readonly what: string; readonly status: number };

type Files = Readonly<Record<string, Buffer>>;

/** The body of a publish, as npm sends it. @param files besides package.json. */
export function publishBody(name: string, version: string, tag = "latest", files: Files = {}): Record<string, unknown> {
  const { bytes, integrity, shasum } = makeTarball({ name, version, files });
  return {
    _id: name,
    name,
    "dist-tags": { [tag]: version },
    versions: { [version]: { name, version, _id: `${name}@${version}`, dist: { integrity, shasum } } },
    access: null,
    _attachments: {
      [`${name}-${version}.tgz`]: {
        content_type: "application/octet-stream",
        data: bytes.toString("base64"),
        length: bytes.length,
      },
    },
  };
}

/** Publishes; `status` 0 when no answer came. */
export function publish(
  registry: Registry,
  name: string,
  version: string,
  tag?: string,
  files?: Files,
): Promise<Answer> {
  return put(registry, `/${name.replace("/", "%2f")}`, publishBody(name, version, tag, files), version);
}

/** Puts a dist-tag; `status` 0 when no answer came. */
export function putTag(registry: Registry, name: string, tag: string, version: string): Promise<Answer> {
  return put(registry, `/-/package/${name.replace("/", "%2f")}/dist-tags/${tag}`, version, tag);
}

async function put(registry: Registry, path: string, body: unknown, what: string): Promise<Answer> {
  try {
    const headers = { "content-type": "application/json" };
    const response = await registry.fetch(path, { method: "PUT", body: JSON.stringify(body), headers });
    await response.arrayBuffer();
    return { what, status: response.status };
  } catch {
    return { what, status: 0 };
  }
}

export const answered = ({ status }: Answer): boolean => status >= 200 && status < 300;

export type HistoryEntry = { readonly id: string; readonly sequence: number; readonly type: string };
export type LoggedEvent = {
  readonly id: string;
  readonly name: string;
  readonly sequence: number;
  readonly type: string;
  readonly data: { readonly tag?: string; readonly version?: string };
};
