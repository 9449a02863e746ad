export * from "./change-queue.ts";
export * from "./event-log.ts";
export * from "./open.ts";
