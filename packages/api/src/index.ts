export * from "./app.ts";
export * from "./auth.ts";
export * from "./body.ts";
export * from "./context.ts";
export * from "./errors.ts";
export * from "./lookup.ts";
export * from "./paths.ts";
export * from "./submission.ts";
