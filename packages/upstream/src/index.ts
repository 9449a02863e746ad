export * from "./default-url.ts";
export * from "./npm-config.ts";
export * from "./http-upstream.ts";
export { createWebhookSender } from "./webhook-sender.ts";
