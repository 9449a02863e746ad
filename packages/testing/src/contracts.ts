// Apart from index.ts: these need the test runner.
export * from "./audit-log-contract.ts";
export * from "./backend-contract.ts";
export * from "./change-queue-contract.ts";
export * from "./copy-store-contract.ts";
export * from "./identity-contract.ts";
export * from "./log-contracts.ts";
export * from "./object-store-contract.ts";
export * from "./search-index-contract.ts";
