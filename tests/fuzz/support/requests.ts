import { NAME, publishBody, VERSION } from "./server.ts";

export type Template = { readonly method: string; readonly path: string; readonly body: unknown };

const person = { name: "alice", email: "alice@example.test" };
const manifest = {
  description: "a wire",
  keywords: ["wire"],
  license: "MIT",
  homepage: "https://example.test",
  author: person,
  contributors: [person],
  repository: { type: "git", url: "git+https://example.test/wire.git" },
  bugs: { url: "https://example.test/bugs" },
  dependencies: { left: "^1.0.0", "@acme/right": "github:acme/right#main" },
  peerDependencies: { left: "*" },
  engines: { node: ">=20" },
  bin: { wire: "bin/wire.js" },
  scripts: { test: "true" },
  files: ["bin"],
  exports: { ".": { import: "./index.js" } },
};

/** The bodies that clients send, all valid for the package `wire`. */
export const TEMPLATES: readonly Template[] = [
  { method: "PUT", path: `/${NAME}`, body: publishBody(NAME, "2.0.0", manifest) },
  { method: "PUT", path: "/@acme%2fnew", body: publishBody("@acme/new", "1.0.0-rc.1", manifest) },
  {
    method: "PUT",
    path: `/${NAME}`,
    body: {
      _id: NAME,
      name: NAME,
      _rev: "1-x",
      versions: { [VERSION]: { name: NAME, version: VERSION, deprecated: "use 2" } },
    },
  },
  { method: "PUT", path: `/${NAME}`, body: { _id: NAME, _rev: "1-x", maintainers: [person, { name: "bob" }] } },
  { method: "PUT", path: `/${NAME}`, body: { _id: NAME, _rev: "1-x", users: { admin: true } } },
  { method: "PUT", path: `/${NAME}/-rev/1-x`, body: { _id: NAME, name: NAME, "dist-tags": {}, versions: {} } },
  { method: "PUT", path: `/${NAME}/-rev/1-x`, body: { maintainers: [person] } },
  { method: "PUT", path: `/-/package/${NAME}/dist-tags/next`, body: VERSION },
  { method: "PUT", path: `/-/package/${NAME}/dist-tags`, body: { latest: VERSION, next: VERSION } },
  { method: "POST", path: `/-/package/${NAME}/dist-tags`, body: { next: VERSION } },
  {
    method: "PUT",
    path: "/-/user/org.couchdb.user:carol",
    body: {
      _id: "org.couchdb.user:carol",
      name: "carol",
      password: "correct horse",
      email: "carol@example.test",
      type: "user",
      roles: [],
      date: "2026-01-01T00:00:00.000Z",
    },
  },
  {
    method: "POST",
    path: "/-/npm/v1/tokens",
    body: {
      password: "correct horse",
      readonly: false,
      cidr_whitelist: [],
      name: "ci",
      packages: null,
      scopes: null,
      expires: null,
    },
  },
  { method: "POST", path: "/-/npm/v1/security/advisories/bulk", body: { [NAME]: [VERSION], left: ["1.0.0", "2.0.0"] } },
  { method: "POST", path: "/-/v1/login", body: { hostname: "here" } },
  { method: "POST", path: "/-/dead-letters", body: {} },
];
