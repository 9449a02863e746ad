import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { clientEnvironment, runProgram, type Result } from "../support/clients.ts";
import { ROOT, scratch, startRegistry, type Registry } from "../support/registry.ts";
import type { Client } from "./clients.ts";
import { startRecorder, type Recorder } from "./recorder.ts";
import { inTerminal, type Prompt } from "./terminal.ts";
import { startTestUpstream, type TestUpstream } from "./upstream.ts";

/** A project directory of one client. */
export type Project = {
  run(args: readonly string[]): Promise<Result>;
  /** The same with a person who answers the prompts. */
  type(args: readonly string[], prompts: readonly Prompt[]): Promise<Result>;
  read(file: string): Promise<string>;
  remove(...files: readonly string[]): Promise<void>;
};

/** One client with a registry of its own, whose traffic is recorded, and an upstream. */
export type Workplace = {
  readonly registry: Registry;
  readonly recorder: Recorder;
  readonly upstream: TestUpstream;
  /** @param options.token undefined: nobody is signed in, in a home of its own. Default: the admin's. */
  project(
    manifest: Readonly<Record<string, unknown>>,
    options?: { readonly files?: Readonly<Record<string, string>>; readonly signedIn?: boolean },
  ): Promise<Project>;
  /** The packument of a package, as everybody sees it. */
  packument(name: string): Promise<Packument>;
  close(): Promise<void>;
};

type Packument = {
  readonly "dist-tags": Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly maintainers?: readonly { readonly name: string }[];
  readonly readme?: string;
};

export async function openWorkplace(client: Client): Promise<Workplace> {
  const dir = await scratch();
  const upstream = await startTestUpstream();
  const registry = await startRegistry(join(dir.path, "data"), ["--upstream", upstream.url, "--registration", "open"]);
  const recorder = await startRecorder(registry.url);
  let projects = 0;
  return {
    registry,
    recorder,
    upstream,
    async project(manifest, { files = {}, signedIn = true } = {}) {
      const path = join(dir.path, `project-${(projects += 1)}`);
      const home = join(dir.path, signedIn ? "home" : `home-${projects}`);
      await mkdir(home, { recursive: true });
      const token = signedIn ? registry.token : undefined;
      const all = {
        "package.json": JSON.stringify(manifest, null, 2),
        ...client.settings({ url: recorder.url, token }),
        ...files,
      };
      for (const [file, content] of Object.entries(all)) {
        await mkdir(dirname(join(path, file)), { recursive: true });
        await writeFile(join(path, file), content);
      }
      return projectAt(client, path, environment(home));
    },
    async packument(name) {
      return (await (await registry.fetch(`/${name.replace("/", "%2f")}`)).json()) as Packument;
    },
    async close() {
      recorder.close();
      await registry.stop();
      upstream.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

function projectAt(client: Client, path: string, env: Readonly<Record<string, string | undefined>>): Project {
  const command = (args: readonly string[]) => [...(client.program ?? []), ...args];
  return {
    run: (args) => runProgram(command(args), { cwd: path, env }),
    // A client that runs in CI asks nobody.
    type: (args, prompts) => inTerminal(command(args), { cwd: path, env: { ...env, CI: undefined } }, prompts),
    read: (file) => readFile(join(path, file), "utf8"),
    async remove(...files) {
      for (const file of files) await rm(join(path, file), { recursive: true, force: true });
    },
  };
}

function environment(home: string): Readonly<Record<string, string | undefined>> {
  const env = clientEnvironment(home);
  return {
    ...env,
    // pnpm up to 10 starts the npm on the path for some commands: always the root's.
    PATH: [join(ROOT, "node_modules/.bin"), env["PATH"]].join(delimiter),
    TERM: "dumb",
    // The default is ten seconds.
    npm_config_fetch_retry_mintimeout: "50",
    pnpm_config_fetch_retry_mintimeout: "50",
    DENO_NO_UPDATE_CHECK: "1",
    // yarn 1 has root's settings outside the home, unless it believes that it is not really root.
    FAKEROOTKEY: "1",
  };
}
