import { expect } from "vitest";
import type { Result } from "../support/clients.ts";
import { publish } from "../support/load.ts";
import type { Client } from "./clients.ts";
import type { Exchange } from "./recorder.ts";
import type { Cannot, Words } from "./words.ts";
import type { Project, Workplace } from "./workplace.ts";

/** A package with a scope, in versions 1.0.0 (`latest`) and 1.1.0 (`next`), and one without, in version 1.0.0. */
export const SCOPED = "@acme/wire";
export const PLAIN = "wire";

/** The client under test, at its workplace. */
export type Subject = {
  readonly words: Words;
  /** Available when the tests run. */
  readonly at: Workplace;
  /** Runs a command that must succeed. */
  succeed(project: Project, args: readonly string[]): Promise<Result>;
  /** A package that the client could publish. */
  source(name: string, version: string, more?: Readonly<Record<string, unknown>>): Promise<Project>;
  /** Makes a project ready to be published. */
  prepare(project: Project): Promise<Project>;
  /** Publishes a version: by the client, or without it where it can't. */
  publish(name: string, version: string, tag?: string): Promise<void>;
  /** An app that the client installed, and what it sent for that. Once for all tests that look at it. */
  installed(): Promise<{ readonly project: Project; readonly exchanges: readonly Exchange[] }>;
};

/** A client's word for an operation; `undefined` where it has none. */
export function can<T>(word: T | Cannot): T | undefined {
  return typeof word === "object" && word !== null && "cannot" in word ? undefined : (word as T);
}

export function subject({ name: client, words }: Client, workplace: () => Workplace): Subject {
  let app: ReturnType<Subject["installed"]> | undefined;
  const it: Subject = {
    words,
    get at() {
      return workplace();
    },
    async succeed(project, args) {
      const result = await project.run(args);
      expect(result.code, `${args.join(" ")}\n${result.all}`).toBe(0);
      return result;
    },
    source: (name, version, more = {}) =>
      it.at.project(
        { name, version, license: "MIT", main: "index.js", ...more },
        { files: { "index.js": `module.exports = ${JSON.stringify(version)};`, "README.md": `# ${name}` } },
      ),
    async prepare(project) {
      // It publishes only what its lock file knows.
      if (client === "yarn 4") await it.succeed(project, words.install);
      return project;
    },
    async publish(name, version, tag) {
      const args = can(words.publish)?.(tag);
      if (args === undefined) await publish(it.at.registry, name, version, tag);
      else await it.succeed(await it.prepare(await it.source(name, version)), args);
    },
    installed: () => (app ??= install(it)),
  };
  return it;
}

async function install({ at, words, succeed }: Subject): ReturnType<Subject["installed"]> {
  const dependencies = { [PLAIN]: "^1.0.0", [SCOPED]: "1.0.0", left: "^1.0.0", "@other/left": "1.0.0" };
  const project = await at.project({ name: "app", version: "1.0.0", private: true, dependencies });
  at.recorder.take();
  await succeed(project, words.install);
  return { project, exchanges: at.recorder.take() };
}
