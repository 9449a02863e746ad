export { createGitHub, type GitHubSettings } from "./provider.ts";
