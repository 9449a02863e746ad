export * from "./clients.ts";
export * from "./s3-object-store.ts";
