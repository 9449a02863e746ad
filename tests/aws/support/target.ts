import { createS3ObjectStore } from "@codebox/aws";
import { createRightsStore, createTokenStore, DEFAULT_RIGHTS, issueToken } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import type { Target } from "@codebox/testing/conformance";
import type { Shape } from "./shape.ts";

/** A shape that is ready for the checks of PROTOCOL.md: its rights are decided, and its users have tokens. */
export async function targetOf(shape: Shape): Promise<Target> {
  await decide(shape);
  return {
    url: shape.url,
    token: shape.token,
    readonlyToken: await tokenOf(shape, "carol", true),
    otherToken: await tokenOf(shape, "bob", false),
  };
}

/** Makes a token as the operator does. */
function tokenOf({ clients, cloud }: Shape, user: string, readonly: boolean): Promise<string> {
  const tokens = createTokenStore(createS3ObjectStore(clients.s3, { bucket: cloud.bucket }));
  const grant = { user, readonly, label: "conformance", created: new Date().toISOString() };
  return issueToken({ tokens, ids: systemIds }, grant);
}

/** Decides who may do what, as an administrator does with a new registry. */
async function decide({ clients, cloud }: Shape): Promise<void> {
  const store = createS3ObjectStore(clients.s3, { bucket: cloud.bucket });
  const rights = createRightsStore({ store, clock: systemClock }, { maxAgeMs: 0 });
  await rights.edit("conformance", () => ({ ok: true, spec: DEFAULT_RIGHTS, what: "a new registry", decided: true }));
}
