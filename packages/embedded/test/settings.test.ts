import { describe, expect, test } from "vitest";
import { readSettings, SettingsError } from "../src/settings.ts";

describe("settings", () => {
  test("have defaults: this machine only, port 4870, open registration", () => {
    expect(readSettings([], {})).toMatchObject({
      host: "127.0.0.1", port: 4870, data: "codebox-data", useUpstream: true, private: false, registration: "open", scopes: [],
    }); // prettier-ignore
  });
  test("come from flags, and from the environment where there is no flag", () => {
    const env = {
      CODEBOX_PORT: "1",
      CODEBOX_PUBLIC_URL: "https://npm.acme.example/",
      CODEBOX_SCOPES: "@acme, @acme-labs",
    };
    expect(readSettings(["--port", "2", "--private", "--no-upstream"], env)).toMatchObject({
      port: 2, publicUrl: "https://npm.acme.example", scopes: ["@acme", "@acme-labs"], private: true, useUpstream: false,
    }); // prettier-ignore
  });
  test("registration is closed where others can reach the server, unless it is said to be open", () => {
    expect(readSettings(["--host", "0.0.0.0"], {})).toMatchObject({ registration: "closed" });
    expect(readSettings(["--host", "0.0.0.0", "--registration", "open"], {})).toMatchObject({ registration: "open" });
  });
  test("registration is closed behind a public URL: who comes through the proxy is not on this machine", () => {
    expect(readSettings(["--public-url", "https://npm.acme.example"], {})).toMatchObject({ registration: "closed" });
  });
  test.each([
    [["--port", "x"], "--port (or CODEBOX_PORT): must be a whole number"],
    [["--port", "70000"], "--port (or CODEBOX_PORT)"],
    [["--public-url", "npm.acme.example"], "--public-url (or CODEBOX_PUBLIC_URL): must be an http or https URL"],
    [["--scopes", "acme"], "--scopes (or CODEBOX_SCOPES)"],
    [["--registration", "maybe"], "--registration (or CODEBOX_REGISTRATION)"],
    [["--nonsense"], "Unknown option '--nonsense'"],
  ])("%o is refused, and the message names the flag", (args, words) => {
    expect(() => readSettings(args, {})).toThrow(SettingsError);
    expect(() => readSettings(args, {})).toThrow(words);
  });
  test("--help is told apart", () => expect(readSettings(["--help"], {})).toBe("help"));
});
