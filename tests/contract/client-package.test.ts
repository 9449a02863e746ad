import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { CONTRACT_DOCUMENTS } from "@codebox/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { extract, list } from "tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { messageTypes } from "../../scripts/contract/types.ts";
import { TYPES } from "../../scripts/contract/files.ts";
import { ROOT, scratch } from "../support/registry.ts";

const run = promisify(execFile);
const NPM = path.join(ROOT, "node_modules/npm/bin/npm-cli.js");
const TSC = path.join(ROOT, "node_modules/typescript/bin/tsc");

let dir: Awaited<ReturnType<typeof scratch>>;
let tarball: string;
let project: string;

beforeAll(async () => {
  dir = await scratch();
  await run(process.execPath, [path.join(ROOT, "scripts/build-client.ts")]);
  const dist = path.join(ROOT, "packages/client/dist");
  const { stdout } = await run(process.execPath, [NPM, "pack", dist, "--json", "--pack-destination", dir.path]);
  const [{ filename } = { filename: "" }] = JSON.parse(stdout) as { filename: string }[];
  tarball = path.join(dir.path, filename);
  project = path.join(dir.path, "project");
  const installed = path.join(project, "node_modules/@codebox/client");
  await mkdir(installed, { recursive: true });
  await extract({ file: tarball, cwd: installed, strip: 1 });
  for (const peer of ["@aws-sdk", "@types", "@smithy"])
    await symlink(path.join(ROOT, "node_modules", peer), path.join(project, "node_modules", peer));
  await writeFile(path.join(project, "package.json"), '{"type":"module","private":true}');
});
afterAll(() => dir[Symbol.asyncDispose]());

describe("the package @codebox/client, as it is published", () => {
  test("has the built modules with their types, the contract, a readme and the licence, and no sources", async () => {
    const files: string[] = [];
    await list({ file: tarball, onReadEntry: (entry) => files.push(entry.path.replace("package/", "")) });
    expect(files).toEqual(
      expect.arrayContaining(["package.json", "README.md", "LICENSE", "index.js", "index.d.ts", "sns.js", "sqs.d.ts"]),
    );
    expect(files).toEqual(expect.arrayContaining(CONTRACT_DOCUMENTS.map((name) => `contract/${name}`)));
    expect(files.filter((file) => /(?<!\.d)\.ts$|test|tsconfig/.test(file))).toEqual([]);
  });
  test("publint finds nothing", async () => {
    const pkgDir = path.join(project, "node_modules/@codebox/client");
    const { messages, pkg } = await publint({ pkgDir, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });
  test("needs nothing of the registry, and the AWS SDK only in its own entry points", async () => {
    const installed = path.join(project, "node_modules/@codebox/client");
    const manifest = JSON.parse(await readFile(path.join(installed, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(["dependencies", "private", "devDependencies"]));
    await writeFile(
      path.join(project, "alone.js"),
      'import { registerHooks } from "node:module";\n' +
        "registerHooks({ resolve(name, context, next) { if (!/^(node:|[./]|file:|@codebox.client$)/.test(name)) throw new Error(name); return next(name, context); } });\n" +
        'const client = await import("@codebox/client");\nprocess.stdout.write(typeof client.createProducer);\n',
    );
    const { stdout } = await run(process.execPath, [path.join(project, "alone.js")]);
    expect(stdout).toBe("function");
  });
  test("its types work for a project of its own, and know each kind", async () => {
    await writeFile(
      path.join(project, "use.ts"),
      `import { createConsumer, createProducer, memoryPositions, type ChangeEvent, type NewChange } from "@codebox/client";
       import { snsTransport } from "@codebox/client/sns";
       import { consumeQueue, sqsTransport } from "@codebox/client/sqs";
       import schema from "@codebox/client/contract/event.schema.json" with { type: "json" };
       const change: NewChange = { id: "a", name: "wire", type: "tag.put", tag: "next", version: "1.0.0" };
       // @ts-expect-error a tag move needs a version
       const wrong: NewChange = { id: "a", name: "wire", type: "tag.put", tag: "next" };
       const versionOf = (event: ChangeEvent) => (event.type === "publish" ? event.data.version : undefined);
       createConsumer({ positions: memoryPositions(), handle: (event) => void versionOf(event) });
       export const all = [createProducer, snsTransport, sqsTransport, consumeQueue, schema.title, change, wrong];`,
    );
    const flags = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--skipLibCheck",
      "--types",
      "node",
      "--resolveJsonModule",
    ];
    const { stdout } = await run(process.execPath, [TSC, ...flags, "use.ts"], { cwd: project }).catch(
      (error: { readonly stdout: string }) => error,
    );
    expect(stdout).toBe("");
  });
});

test("the types of the messages are as `npm run contract` writes them", async () => {
  const bare = (source: string) => source.replaceAll(/[\s;,()|]/g, "");
  expect(bare(await readFile(TYPES, "utf8")), "run `npm run contract`").toBe(bare(await messageTypes()));
});
