import { gzipSync } from "node:zlib";
import { archiveOf, digested, type MadeEntry } from "../../tarballs.ts";
import { expectCode, expectStatus } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { pathOf, type Registry } from "../registry.ts";

const MIB = 1024 * 1024;
const PADDING_MAX = 10_240;
const ENTRIES_MAX = 200_000;
/** The zeros with which an archive ends, by tar's own rule. */
const END = 1024;

const manifestOf = (name: string): MadeEntry => ({
  path: "package/package.json",
  content: JSON.stringify({ name, version: "1.0.0" }),
});
const archive = (name: string, ...entries: readonly MadeEntry[]) => archiveOf([manifestOf(name), ...entries]);

type Make = (name: string) => Buffer;

async function publish(registry: Registry, make: Make) {
  const name = registry.name("tarball");
  return { name, answer: await registry.publish(name, "1.0.0", { tarball: digested(make(name)) }) };
}

async function refused(registry: Registry, make: Make, status = 400, code = "invalid"): Promise<void> {
  const { name, answer } = await publish(registry, make);
  expectCode(answer, status, code);
  expectStatus(await registry.get(pathOf(name)), 404);
}

async function accepted(registry: Registry, make: Make): Promise<void> {
  expectStatus((await publish(registry, make)).answer, 201);
}

const kinds: readonly MadeEntry[] = [
  { path: "package/device", type: "CharacterDevice" },
  { path: "package/device", type: "BlockDevice" },
  { path: "package/pipe", type: "FIFO" },
];
const ways: readonly MadeEntry[] = [
  { path: "package/../../out" },
  { path: "/etc/out" },
  { path: "package/link", type: "SymbolicLink", linkpath: "../../out" },
  { path: "package/link", type: "SymbolicLink", linkpath: "/etc/passwd" },
  { path: "package/link", type: "Link", linkpath: "other/out" },
];

/** What a tarball may be. */
export const archiveChecks: readonly Check[] = [
  check("TAR-1", "a tarball that is not one gzip stream of one tar archive is refused", async (registry) => {
    await refused(registry, () => Buffer.from("not a tarball"));
    await refused(registry, () => gzipSync("x".repeat(2_000)));
    await refused(registry, (name) => Buffer.concat([gzipSync(archive(name)), Buffer.from("more")]));
    await refused(registry, (name) => Buffer.concat([gzipSync(archive(name)), gzipSync("")]));
    await refused(registry, (name) => gzipSync(Buffer.concat([archive(name), archive(name)])));
  }),
  check("TAR-2", "zeros after the archive's end are accepted up to 10,240 bytes", async (registry) => {
    const padded = (name: string, zeros: number) => gzipSync(Buffer.concat([archive(name), Buffer.alloc(zeros)]));
    await accepted(registry, (name) => padded(name, PADDING_MAX - END));
    await refused(registry, (name) => padded(name, PADDING_MAX + END));
  }),
  check("TAR-3", "a tarball that unpacks to more than 256 MiB and 100 times its size is refused", async (registry) => {
    const zeros = { path: "package/zeros", content: Buffer.alloc(257 * MIB) };
    await refused(registry, (name) => gzipSync(archive(name, zeros), { level: 1 }), 413, "too_large");
  }),
  check("TAR-5", "a tarball with more than 200,000 entries is refused", async (registry) => {
    const entries = Array.from({ length: ENTRIES_MAX }, (_, index) => ({ path: `package/${index}` }));
    await refused(
      registry,
      (name) => gzipSync(archiveOf([manifestOf(name), ...entries]), { level: 1 }),
      413,
      "too_large",
    );
  }),
  check(
    "TAR-6",
    "directories and links in the package are accepted; devices and pipes are refused",
    async (registry) => {
      for (const entry of kinds) await refused(registry, (name) => gzipSync(archive(name, entry)));
      const inside: readonly MadeEntry[] = [
        { path: "package/lib", type: "Directory" },
        { path: "package/lib/a.js", content: "" },
        { path: "package/lib/b.js", type: "SymbolicLink", linkpath: "../lib/a.js" },
        { path: "package/c.js", type: "Link", linkpath: "package/lib/a.js" },
      ];
      await accepted(registry, (name) => gzipSync(archive(name, ...inside)));
    },
  ),
  check("TAR-7", "entries and links that lead out of the package are refused", async (registry) => {
    for (const entry of ways) await refused(registry, (name) => gzipSync(archive(name, entry)));
  }),
];
