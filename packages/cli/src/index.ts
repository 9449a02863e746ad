export * from "./cli/scope.ts";
export * from "./program.ts";
