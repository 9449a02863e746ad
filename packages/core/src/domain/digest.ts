import { createHash } from "node:crypto";

/** SHA-256 in hex. @example sha256Hex("") // "e3b0c44298fc…" */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
