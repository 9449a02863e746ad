export { browser } from "./browser.ts";
export * from "./builders.ts";
export * from "./decisions.ts";
export * from "./faults.ts";
export * from "./fifo-model.ts";
export * from "./manual-clock.ts";
export * from "./memory/backend.ts";
export * from "./tarballs.ts";
export * from "./workload-issuer.ts";
