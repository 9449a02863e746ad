import { loadNpmConfig, type NpmSurroundings } from "./npm-config.ts";

/** What `npm config get registry` says here. As slow as `loadNpmConfig`. */
export async function defaultUpstreamUrl(surroundings: NpmSurroundings): Promise<string> {
  return String((await loadNpmConfig(surroundings)).get("registry"));
}
