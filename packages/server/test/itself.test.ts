import { expect, test } from "vitest";
import { isItself } from "../src/itself.ts";

const local = { url: "http://127.0.0.1:4870", publicUrl: "https://npm.acme.example", addresses: ["10.0.0.5"] };
const everywhere = { ...local, url: "http://localhost:4870", everywhere: true };

test.each([
  ["where it listens", "http://127.0.0.1:4870/", local],
  ["another name of the loopback", "http://localhost:4870/", local],
  ["its public URL, whatever the path", "https://NPM.acme.example:443/npm/", local],
  ["an address of the machine, when it listens on all", "http://10.0.0.5:4870/", everywhere],
  ["the loopback, when it listens on all", "http://[::1]:4870/", everywhere],
])("the server knows itself by %s", (_, url, own) => expect(isItself(url, own)).toBe(true));
test.each([
  ["another port", "http://127.0.0.1:4871/", local],
  ["another host", "https://registry.acme.example/", local],
  ["an address of the machine where it does not listen", "http://10.0.0.5:4870/", local],
  ["nonsense", "not a url", local],
])("%s is not the server itself", (_, url, own) => expect(isItself(url, own)).toBe(false));
