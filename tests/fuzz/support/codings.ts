import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";

const CODECS = {
  identity: (bytes: Uint8Array) => Buffer.from(bytes),
  gzip: (bytes: Uint8Array) => gzipSync(bytes),
  deflate: (bytes: Uint8Array) => deflateSync(bytes),
  br: (bytes: Uint8Array) => brotliCompressSync(bytes, { params: {} }),
} as const;
export type Coding = {
  readonly declared: string;
  readonly codec: keyof typeof CODECS;
  readonly damage: number | undefined;
};
/** Mostly none or the right one; also a wrong one, an unknown one, and damaged bytes. */
export const coding: fc.Arbitrary<Coding> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Coding>({ declared: "", codec: "identity", damage: undefined }) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom<keyof typeof CODECS>("gzip", "deflate", "br")
      .map((codec) => ({ declared: codec, codec, damage: undefined })),
  },
  {
    weight: 1,
    arbitrary: fc.record<Coding>({
      declared: fc.constantFrom(
        "",
        "identity",
        "gzip",
        "GZIP",
        "x-gzip",
        "deflate",
        "br",
        "zstd",
        "gzip, gzip",
        "gzip,",
        "\u00e9",
      ),
      codec: fc.constantFrom<keyof typeof CODECS>("identity", "gzip", "deflate", "br"),
      damage: fc.option(fc.nat(5_000), { nil: undefined }),
    }),
  },
);

export function encoded(bytes: Uint8Array, { codec, damage }: Coding): Buffer {
  const made = CODECS[codec](bytes);
  if (damage !== undefined && made.length > 0) {
    const at = damage % made.length;
    made[at] = (made[at] ?? 0) ^ (1 << (damage % 8));
  }
  return made;
}
