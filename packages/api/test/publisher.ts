import { makeTarball } from "@codebox/testing";
import { publishBody, type Harness } from "./harness.ts";

export type Fields = Record<string, unknown>;

/** Publishes `wire`, and reads it back. @param current the registry of the test that runs */
export function publisherOf(current: () => Harness) {
  const put = (body: unknown) => current().send("PUT", "/wire", body);
  return {
    put,
    /** A publish whose document says one thing, and whose tarball another. */
    differing: (document: Fields, packed: Fields, files: Record<string, string> = {}) =>
      put(
        publishBody("wire", "1.0.0", {
          manifest: document,
          tarball: makeTarball({ name: "wire", version: "1.0.0", manifest: packed, files }),
        }),
      ),
    full: async (version = "1.0.0") => (await (await current().request(`/wire/${version}`)).json()) as Fields,
    abbreviated: async () => {
      const headers = { accept: "application/vnd.npm.install-v1+json" };
      const response = await current().request("/wire", { headers });
      return ((await response.json()) as { versions: Record<string, Fields> }).versions["1.0.0"];
    },
  };
}
