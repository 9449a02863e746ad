import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pacote from "pacote";
import fc from "fast-check";
import { isRecord } from "@codebox/core";
import { makeTarball } from "@codebox/testing";
import { defineArea } from "../support/area.ts";
import { checkReads } from "../support/reads.ts";
import { NAME, withServer } from "../support/server.ts";
import { mutated, mutations } from "../support/values.ts";

type Fields = Record<string, unknown>;
const VERSION = "2.0.0";

/** Fields that decide an install, in the spellings that clients write and read. */
const field = fc.constantFrom<readonly [string, unknown]>(
  ["dependencies", { left: "^1.0.0", right: "~2.0.0" }],
  ["optionalDependencies", { left: "^2.0.0" }],
  ["peerDependencies", { left: "*" }],
  ["peerDependenciesMeta", { left: { optional: true } }],
  ["bundleDependencies", true],
  ["bundleDependencies", ["left"]],
  ["bundledDependencies", ["left"]],
  ["bundledDependencies", { left: "1" }],
  ["bin", "cli.js"],
  ["bin", { tool: "./cli.js", "../evil": "cli.js" }],
  ["bin", ["cli.js", "lib/other.js"]],
  ["bin", { tool: "C:\\cli.js", a: "/etc/passwd" }],
  ["directories", { bin: "bin" }],
  ["directories", { bin: "./bin/../bin" }],
  ["engines", { node: ">=20" }],
  ["engines", ["node >= 20"]],
  ["os", ["linux"]],
  ["os", "linux"],
  ["cpu", ["!arm"]],
  ["libc", "musl"],
  ["scripts", { postinstall: "node x.js", test: "true" }],
  ["scripts", { preinstall: 1, install: "" }],
  ["gypfile", false],
  ["gypfile", true],
);
const manifest = fc.array(field, { maxLength: 4 }).map((fields): Fields => Object.fromEntries(fields));
const files = fc
  .subarray(["binding.gyp", "sub/x.gyp", "bin/tool", "bin/.hidden", "cli.js", "server.js", "npm-shrinkwrap.json"])
  .map((paths) => Object.fromEntries(paths.map((path) => [path, "x"])));

/** The manifest that a client gets is the one that npm reads in the tarball, whatever the document and the tarball say. */
export const publishes = defineArea({
  name: "publishes",
  rule: "what decides an install is what npm reads in the tarball",
  runs: 20,
  input: fc.record({
    packed: manifest,
    changes: mutations,
    document: fc.oneof(fc.constant("same"), fc.constant("bare"), manifest),
    files,
  }),
  check: ({ packed: base, changes, document, files: packedFiles }, watch) =>
    withServer(async (server) => {
      const packed = asFields(mutated(base, changes));
      const tarball = makeTarball({
        name: NAME,
        version: VERSION,
        manifest: withoutIdentity(packed),
        files: packedFiles,
      });
      const said = document === "same" ? withoutIdentity(packed) : document === "bare" ? {} : asFields(document);
      const { integrity, shasum, bytes } = tarball;
      const answer = await watch(() =>
        server.json("PUT", `/${NAME}`, {
          name: NAME,
          "dist-tags": { latest: VERSION },
          versions: { [VERSION]: { ...said, name: NAME, version: VERSION, dist: { integrity, shasum } } },
          _attachments: { [`${NAME}-${VERSION}.tgz`]: { data: bytes.toString("base64"), length: bytes.length } },
        }),
      );
      await checkReads(server, [NAME]);
      // Of malformed fields npm's own commands make different things.
      if (answer.status !== 201 || changes.length > 0) return;
      const stored = JSON.parse((await server.json("GET", `/${NAME}/${VERSION}`)).body.toString()) as Fields;
      const read = await npmManifest(bytes);
      for (const name of COMPARED)
        assert.deepEqual(
          texts(stored[name]),
          texts(decides(name, read[name]) ? read[name] : []),
          `${name} is not what npm reads`,
        );
      // npm adds the script of a native addon where it builds, not where it reads.
      const scripts = "binding.gyp" in packedFiles ? ["postinstall"] : ["preinstall", "install", "postinstall"];
      for (const script of scripts)
        assert.equal(scriptOf(stored, script), scriptOf(read, script), `scripts.${script} is not what npm runs`);
    }),
});

const COMPARED = [
  "dependencies",
  "optionalDependencies",
  "peerDependencies",
  "bundleDependencies",
  "bin",
  "engines",
  "os",
  "cpu",
  "libc",
];

/** Whether npm makes anything of such a value: these fields are lists, and dependencies are objects. */
function decides(name: string, value: unknown): boolean {
  if (["os", "cpu", "libc", "bundleDependencies"].includes(name)) return !isRecord(value);
  return name.endsWith("ependencies") ? isRecord(value) : true;
}

/** As npm reads the package.json of what it has installed. */
async function npmManifest(tarball: Buffer): Promise<Fields> {
  const folder = await mkdtemp(join(tmpdir(), "codebox-npm-"));
  try {
    const file = join(folder, "wire.tgz");
    await writeFile(file, tarball);
    return await pacote.manifest(`file:${file}`, { cache: join(folder, "cache") });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const asFields = (value: unknown): Fields => (isRecord(value) ? value : {});

/** The name and the version stay as they are. */
function withoutIdentity(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== "name" && key !== "version"));
}

/** Nothing, an empty object and an empty list decide nothing. What is no text is left out by both. */
function texts(value: unknown): unknown {
  if (typeof value === "string") return value === "" ? [] : [value];
  if (Array.isArray(value)) return value.filter((item) => typeof item === "string" && item !== "");
  const entries = Object.entries(asFields(value)).filter(([, item]) => typeof item === "string");
  return entries.length === 0 ? [] : Object.fromEntries(entries);
}

function scriptOf({ scripts }: Fields, name: string): unknown {
  const value = asFields(scripts)[name];
  return typeof value === "string" ? value : undefined;
}
