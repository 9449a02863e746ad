import { createHash } from "node:crypto";
import type { Dist } from "@codebox/core";
import ssri from "ssri";

const ALGORITHMS = ["sha512", "sha384", "sha256", "sha1"] as const;
type Algorithm = (typeof ALGORITHMS)[number];

/**
 * In what a tarball's bytes differ from what its version says; nothing when they agree. Streams: a piece at a time is held.
 *
 * @example await digestProblems({ integrity: "sha512-…" }, bytes) // ["dist.integrity says sha512-…, the bytes have sha512-…"]
 */
export async function digestProblems(dist: Dist, bytes: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const stated = typeof dist.integrity === "string" ? ssri.parse(dist.integrity) : undefined;
  // As ssri does: the strongest algorithm decides.
  const strongest = ALGORITHMS.find((algorithm) => (stated?.[algorithm]?.length ?? 0) > 0);
  const hashes = new Map<Algorithm, ReturnType<typeof createHash>>();
  for (const algorithm of [strongest, "sha1" as const]) if (algorithm) hashes.set(algorithm, createHash(algorithm));
  for await (const chunk of bytes) for (const hash of hashes.values()) hash.update(chunk);
  const digests = new Map([...hashes].map(([algorithm, hash]) => [algorithm, hash.digest()]));
  const problems: string[] = [];
  if (strongest && stated) {
    const found = digests.get(strongest)?.toString("base64") ?? "";
    if (!stated[strongest]?.some(({ digest }) => digest === found))
      problems.push(
        `dist.integrity says ${String(dist.integrity).slice(0, 120)}, the bytes have ${strongest}-${found}`,
      );
  }
  const sha1 = digests.get("sha1")?.toString("hex") ?? "";
  if (typeof dist.shasum === "string" && dist.shasum.toLowerCase() !== sha1)
    problems.push(`dist.shasum says ${dist.shasum.slice(0, 60)}, the bytes have ${sha1}`);
  return problems;
}
