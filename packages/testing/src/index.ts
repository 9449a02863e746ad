export * from "./tarballs.ts";
