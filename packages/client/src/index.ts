export { messageGroup, type Entry, type NewChange } from "./change.ts";
export * from "./consumer.ts";
export * from "./errors.ts";
export { httpTransport } from "./http.ts";
export type * from "./messages.ts";
export * from "./outcomes.ts";
export * from "./policies.ts";
export * from "./positions.ts";
export {
  createProducer,
  type Producer,
  type ProducerOptions,
  type Sent,
  type Taken,
  type Transport,
} from "./producer.ts";
export * from "./queue-handler.ts";
export type { Registry } from "./registry.ts";
export { followEvents, type FollowOptions } from "./stream.ts";
