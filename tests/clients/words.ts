import type { Prompt } from "./terminal.ts";

export type Args = readonly string[];
/** What a client has no command for, or does not do, and why. Shown in docs/clients.md. */
export type Cannot = { readonly cannot: string };
export type Login = {
  readonly args: Args;
  readonly prompts: (name: string, password: string) => readonly Prompt[];
};

/** How a client spells each operation of the suite. */
export type Words = {
  /** Installs what package.json lists, and writes the lock file. */
  readonly install: Args;
  readonly lockFile: string;
  /** Installs what the lock file lists, and nothing else. */
  readonly frozen: Args;
  /** Installs without a lock file, and asks about every package again. */
  readonly refresh: Args | Cannot;
  /** Which packument it asks for when it installs. */
  readonly form: "abbreviated" | "full";
  readonly publish: ((tag?: string) => Args) | Cannot;
  /** Whether it publishes a package with `bundledDependencies`. */
  readonly bundled: "kept" | Cannot;
  /** What becomes of a version such as `2024.01.05`: published under the cleaned one, or refused by the client. */
  readonly oddVersion: "cleaned" | Cannot;
  /** Whether a publish is sent again after a 503. */
  readonly retry: "retries" | Cannot;
  readonly tag:
    | { add(spec: string, tag: string): Args; list(name: string): Args; remove(name: string, tag: string): Args }
    | Cannot;
  /** Without a message: takes the deprecation back. */
  readonly deprecate: ((spec: string, message?: string) => Args) | Cannot;
  readonly unpublish: ((spec: string) => Args) | Cannot;
  readonly owner: ((user: string, name: string) => Args) | Cannot;
  readonly disown: ((user: string, name: string) => Args) | Cannot;
  /** Who may change a package. */
  readonly collaborators: ((name: string) => Args) | Cannot;
  readonly star: { mark(name: string): Args; readonly list: Args } | Cannot;
  readonly search: ((text: string) => Args) | Cannot;
  readonly view: ((spec: string) => Args) | Cannot;
  readonly whoami: Args | Cannot;
  readonly login: Login | Cannot;
  readonly logout: Args | Cannot;
  /** Asks for the password when it creates one. */
  readonly token: { readonly create: Args; readonly list: Args; revoke(token: string): Args } | Cannot;
  readonly profile: Args | Cannot;
  readonly audit: Args | Cannot;
  /** Whether `npm-shrinkwrap.json` of a dependency decides the versions below it. */
  readonly shrinkwrap: "respected" | Cannot;
};

export const cannot = (reason: string): Cannot => ({ cannot: reason });

export const NPM: Words = {
  install: ["install"],
  lockFile: "package-lock.json",
  frozen: ["ci"],
  refresh: ["install", "--prefer-online"],
  form: "abbreviated",
  publish: (tag = "latest") => ["publish", "--tag", tag],
  bundled: "kept",
  oddVersion: "cleaned",
  retry: "retries",
  tag: {
    add: (spec, tag) => ["dist-tag", "add", spec, tag],
    list: (name) => ["dist-tag", "ls", name],
    remove: (name, tag) => ["dist-tag", "rm", name, tag],
  },
  deprecate: (spec, message = "") => ["deprecate", spec, message],
  unpublish: (spec) => ["unpublish", spec, "--force"],
  owner: (user, name) => ["owner", "add", user, name],
  disown: (user, name) => ["owner", "rm", user, name],
  collaborators: (name) => ["access", "list", "collaborators", name],
  star: { mark: (name) => ["star", name], list: ["stars"] },
  search: (text) => ["search", text],
  view: (spec) => ["view", spec],
  whoami: ["whoami"],
  login: {
    args: ["login"],
    prompts: (name, password) => [
      [/Username:/, name],
      [/Password:/, password],
      [/Email:/, `${name}@example.com`],
    ],
  },
  logout: ["logout"],
  token: {
    create: ["token", "create", "--json"],
    list: ["token", "list", "--json"],
    revoke: (token) => ["token", "revoke", token],
  },
  profile: ["profile", "get"],
  audit: ["audit"],
  shrinkwrap: "respected",
};

/** npm up to 8. */
export const NPM_8: Partial<Words> = { collaborators: (name) => ["access", "ls-collaborators", name] };

export const PNPM: Words = {
  ...NPM,
  install: ["install", "--no-frozen-lockfile"],
  lockFile: "pnpm-lock.yaml",
  frozen: ["install", "--frozen-lockfile"],
  refresh: ["install", "--no-frozen-lockfile"],
  publish: (tag = "latest") => ["publish", "--no-git-checks", "--tag", tag],
  login: {
    args: ["login"],
    prompts: (name, password) => [
      [/Username:/, name],
      [/Password:/, password],
      [/Email/, `${name}@example.com`],
    ],
  },
  shrinkwrap: cannot("ignores npm-shrinkwrap.json"),
};
/** pnpm up to 10 starts the npm on the path, here npm 11, for what concerns the registry and is no install. */
export const PNPM_10: Partial<Words> = {
  refresh: cannot("keeps no ETag"),
};
/** pnpm from 11 on sends its own requests. */
export const PNPM_11: Partial<Words> = {
  deprecate: (spec, message) => (message === undefined ? ["undeprecate", spec] : ["deprecate", spec, message]),
  owner: (user, name) => ["owner", "add", name, user],
  disown: (user, name) => ["owner", "rm", name, user],
  oddVersion: cannot("refuses it itself"),
  token: cannot("no command"),
  profile: cannot("no command"),
};
export const PNPM_12: Partial<Words> = {
  ...PNPM_11,
  oddVersion: "cleaned",
  retry: cannot("does not repeat it"),
  token: NPM.token,
  profile: NPM.profile,
};

export const YARN_1: Words = {
  ...NPM,
  install: ["install"],
  lockFile: "yarn.lock",
  frozen: ["install", "--frozen-lockfile"],
  refresh: cannot("keeps no packuments"),
  publish: (tag = "latest") => ["publish", "--non-interactive", "--tag", tag],
  bundled: cannot("its own publish breaks"),
  retry: cannot("does not repeat it"),
  tag: {
    add: (spec, tag) => ["tag", "add", spec, tag],
    list: (name) => ["tag", "list", name],
    remove: (name, tag) => ["tag", "remove", name, tag],
  },
  deprecate: cannot("no command"),
  unpublish: cannot("no command"),
  disown: cannot("does not see the owners, and is refused"),
  collaborators: cannot("no command"),
  star: cannot("no command"),
  search: cannot("no command"),
  view: (spec) => ["info", spec],
  whoami: cannot("no command"),
  // It signs in when it publishes.
  login: {
    args: ["publish", "--new-version", "1.0.0"],
    prompts: (name, password) => [
      [/username:/, name],
      [/email:/, `${name}@example.com`],
      [/password:/, password],
    ],
  },
  logout: cannot("revokes its token after each publish"),
  token: cannot("no command"),
  profile: cannot("no command"),
  audit: cannot("asks the public registry, whatever is configured"),
  shrinkwrap: cannot("ignores npm-shrinkwrap.json"),
};

export const YARN_4: Words = {
  ...NPM,
  install: ["install", "--no-immutable"],
  lockFile: "yarn.lock",
  frozen: ["install", "--immutable"],
  refresh: ["install", "--no-immutable"],
  form: "full",
  publish: (tag = "latest") => ["npm", "publish", "--tag", tag],
  tag: {
    add: (spec, tag) => ["npm", "tag", "add", spec, tag],
    list: (name) => ["npm", "tag", "list", name],
    remove: (name, tag) => ["npm", "tag", "remove", name, tag],
  },
  deprecate: cannot("no command"),
  unpublish: cannot("no command"),
  owner: cannot("no command"),
  disown: cannot("no command"),
  collaborators: cannot("no command"),
  star: cannot("no command"),
  search: cannot("no command"),
  view: (spec) => ["npm", "info", spec],
  whoami: ["npm", "whoami"],
  login: {
    args: ["npm", "login"],
    prompts: (name, password) => [
      [/Username:/, name],
      [/Password:/, password],
    ],
  },
  logout: cannot("forgets the token and does not revoke it"),
  token: cannot("no command"),
  profile: cannot("no command"),
  audit: ["npm", "audit", "--all", "--recursive"],
  shrinkwrap: cannot("ignores npm-shrinkwrap.json"),
};

export const BUN: Words = {
  install: ["install"],
  lockFile: "bun.lock",
  frozen: ["install", "--frozen-lockfile"],
  refresh: ["install"],
  form: "abbreviated",
  publish: (tag = "latest") => ["publish", "--tag", tag],
  bundled: "kept",
  oddVersion: cannot("refuses it itself"),
  retry: cannot("does not repeat it"),
  tag: cannot("no command; publish --tag"),
  deprecate: cannot("no command"),
  unpublish: cannot("no command"),
  owner: cannot("no command"),
  disown: cannot("no command"),
  collaborators: cannot("no command"),
  star: cannot("no command"),
  search: cannot("no command"),
  view: (spec) => ["pm", "view", spec],
  whoami: ["pm", "whoami"],
  login: cannot("no command; a token in .npmrc"),
  logout: cannot("no command"),
  token: cannot("no command"),
  profile: cannot("no command"),
  audit: ["audit"],
  shrinkwrap: cannot("ignores npm-shrinkwrap.json"),
};

export const DENO: Words = {
  ...BUN,
  install: ["install"],
  lockFile: "deno.lock",
  frozen: ["ci"],
  refresh: ["install", "--reload"],
  publish: cannot("publishes to JSR only"),
  bundled: cannot("publishes to JSR only"),
  oddVersion: cannot("publishes to JSR only"),
  retry: cannot("publishes to JSR only"),
  tag: cannot("no command"),
  view: cannot("no command"),
  whoami: cannot("no command"),
};
