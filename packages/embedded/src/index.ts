export * from "@codebox/ambient";
export * from "./change-queue.ts";
export * from "./event-log.ts";
export * from "./open.ts";
export * from "./worker.ts";
