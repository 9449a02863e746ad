import { describe, expect, test } from "vitest";
import { readSettings, SettingsError, usage } from "../src/settings.ts";

describe("settings", () => {
  test("have defaults: this machine only, port 4870, closed registration", () => {
    expect(readSettings([], {})).toMatchObject({
      host: "127.0.0.1",
      port: 4870,
      data: "codebox-data",
      useUpstream: true,
      private: false,
      registration: "closed",
      scopes: [],
      upstreamHosts: [],
      upstreamTimeoutMs: 30_000,
      memoryMb: 64,
    });
  });
  test("come from flags, and from the environment where there is no flag", () => {
    const env = {
      CODEBOX_PORT: "1",
      CODEBOX_PUBLIC_URL: "https://npm.acme.example/",
      CODEBOX_SCOPES: "@acme, @acme-labs",
    };
    expect(readSettings(["--port", "2", "--private", "--no-upstream"], env)).toMatchObject({
      port: 2,
      publicUrl: "https://npm.acme.example",
      scopes: ["@acme", "@acme-labs"],
      private: true,
      useUpstream: false,
    });
  });
  test("registration is closed unless it is opened by its flag", () => {
    expect(readSettings(["--host", "0.0.0.0"], {})).toMatchObject({ registration: "closed" });
    expect(readSettings(["--host", "0.0.0.0", "--registration", "open"], {})).toMatchObject({ registration: "open" });
  });
  test("registration that is open and reading that is private contradict each other", () => {
    expect(() => readSettings(["--private", "--registration", "open"], {})).toThrow("contradict each other");
  });
  test.each([
    [["--port", "x"], "--port (or CODEBOX_PORT): must be a whole number"],
    [["--port="], "--port (or CODEBOX_PORT): must be a whole number from 0 to 65535"],
    [["--port", "0x1"], "--port (or CODEBOX_PORT): must be a whole number from 0 to 65535"],
    [["--port", "70000"], "--port (or CODEBOX_PORT): must be a whole number from 0 to 65535"],
    [["--host="], "--host (or CODEBOX_HOST): must not be empty"],
    [["--public-url", "http://npm.acme.example/y?z"], "--public-url (or CODEBOX_PUBLIC_URL): must have no query"],
    [
      ["--upstream", "https://me:secret@up.example"],
      "--upstream (or CODEBOX_UPSTREAM): must hold no user and password",
    ],
    [["--public-url", "npm.acme.example"], "--public-url (or CODEBOX_PUBLIC_URL): must be an http or https URL"],
    [["--scopes", "acme"], "--scopes (or CODEBOX_SCOPES)"],
    [["--registration", "maybe"], "--registration (or CODEBOX_REGISTRATION)"],
    [["--nonsense"], "Unknown option '--nonsense'"],
  ])("%o is refused, and the message names the flag", (args, words) => {
    expect(() => readSettings(args, {})).toThrow(SettingsError);
    expect(() => readSettings(args, {})).toThrow(words);
  });
  test("the upstream's token comes from the environment only: flags are seen by everybody on the machine", () => {
    expect(readSettings([], { CODEBOX_UPSTREAM_TOKEN: "secret" })).toMatchObject({ upstreamToken: "secret" });
    expect(() => readSettings(["--upstream-token", "secret"], {})).toThrow("Unknown option '--upstream-token'");
    const wrong = () => readSettings([], { CODEBOX_UPSTREAM_TOKEN: "two words" });
    expect(wrong).toThrow("CODEBOX_UPSTREAM_TOKEN: must be a token");
    expect(wrong).not.toThrow("--upstream-token");
  });
  test("an empty variable is none; one that is no setting is named, so that a typing error shows", () => {
    const env = { CODEBOX_PORT: "", CODEBOX_PROT: "1", PORT: "2" };
    expect(readSettings([], env)).toMatchObject({ port: 4870, ignored: ["CODEBOX_PROT"] });
  });
  test("--help asks for the help, which lists every flag with its default", () => {
    expect(readSettings(["--help"], {})).toBe("help");
    expect(usage()).toMatch(/^ {2}--port <n> .*\(4870\)$/m);
    expect(usage()).toMatch(/^ {2}--upstream <url> .*\(what npm config get registry says\)$/m);
    expect(usage()).toMatch(/^ {2}--no-upstream /m);
    expect(usage()).toMatch(/^ {2}CODEBOX_UPSTREAM_TOKEN /m);
  });
});
