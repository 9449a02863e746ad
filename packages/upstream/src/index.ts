export * from "./default-url.ts";
export * from "./http-upstream.ts";
