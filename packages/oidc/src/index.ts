export { createWorkloadVerifier } from "./verifier.ts";
export { createOidcSignIn } from "./sign-in.ts";
