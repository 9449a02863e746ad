import { describe, expect, test } from "vitest";
import { readEnvironment } from "../../packages/functions/src/environment.ts";
import { readSettings } from "../../packages/server/src/settings.ts";
import { settingsOf } from "../../stacks/settings.ts";

/** The scopes as each host reads them from `CODEBOX_SCOPES`. */
const HOSTS = {
  server: (CODEBOX_SCOPES: string) => {
    const settings = readSettings([], { CODEBOX_SCOPES });
    return settings === "help" ? undefined : settings.scopes;
  },
  functions: (CODEBOX_SCOPES: string) =>
    readEnvironment("read", { CODEBOX_BUCKET: "acme-registry", CODEBOX_SCOPES }).CODEBOX_SCOPES,
  stacks: (CODEBOX_SCOPES: string) => settingsOf("trial", { CODEBOX_TRIAL: "true", CODEBOX_SCOPES }).scopes,
} as const;

describe.each(Object.entries(HOSTS))("scopes of the %s", (_, read) => {
  test.each([
    ["", []],
    ["@acme", ["@acme"]],
    ["@acme,@acme-labs", ["@acme", "@acme-labs"]],
    [" @acme , @acme-labs ,", ["@acme", "@acme-labs"]],
    ["@~acme,@-acme", ["@~acme", "@-acme"]],
  ])("%j is accepted", (text, scopes) => expect(read(text)).toEqual(scopes));
  test.each(["acme", "@", "@Acme", "@acme/wire", "@acme @other", "@.acme"])("%j is refused", (text) =>
    expect(() => read(text)).toThrow(/CODEBOX_SCOPES.*such as "@acme,@acme-labs"/),
  );
});
