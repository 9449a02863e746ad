export { createWorkloadVerifier } from "./verifier.ts";
