import { createHasher, type Dist } from "@codebox/core";
import ssri from "ssri";

/**
 * How a tarball's bytes differ from what its version states; empty when they match. Streams: one piece at a time is in memory.
 *
 * @example await digestProblems({ integrity: "sha512-…" }, bytes) // ["dist.integrity says sha512-…, the bytes have sha512-…"]
 */
export async function digestProblems(dist: Dist, bytes: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const stated = typeof dist.integrity === "string" ? ssri.parse(dist.integrity) : null;
  // The strongest stated algorithm decides, as it does for clients; sha1 is for the shasum.
  const strongest = stated?.pickAlgorithm();
  const hasher = createHasher([...new Set([strongest ?? "sha1", "sha1"])]);
  for await (const chunk of bytes) hasher.update(chunk);
  const found = hasher.digest();
  const problems: string[] = [];
  if (stated && strongest && !found.match(stated))
    problems.push(
      `dist.integrity says ${String(dist.integrity).slice(0, 120)}, the bytes have ${String(found[strongest]?.[0])}`,
    );
  const sha1 = found["sha1"]?.[0]?.hexDigest() ?? "";
  if (typeof dist.shasum === "string" && dist.shasum.toLowerCase() !== sha1)
    problems.push(`dist.shasum says ${dist.shasum.slice(0, 60)}, the bytes have ${sha1}`);
  return problems;
}
