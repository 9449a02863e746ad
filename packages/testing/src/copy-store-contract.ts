import { expect, test } from "vitest";
import type { CopyStore } from "@codebox/core";

export type CopyStoreFixture = AsyncDisposable & { readonly copies: CopyStore };

async function* pieces(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

/** What every `CopyStore` must do. `open` gives an empty one. */
export function copyStoreContract(open: () => Promise<CopyStoreFixture>): void {
  const rule = (name: string, check: (copies: CopyStore) => Promise<void>) =>
    test(name, async () => {
      await using fixture = await open();
      await check(fixture.copies);
    });
  const opened = async (copies: CopyStore, key: string, start?: number) => {
    const found = await copies.open(key, start);
    if (!found) return undefined;
    const { size, body } = found;
    const all = body instanceof Uint8Array ? body : Buffer.concat(await Array.fromAsync(body));
    return { size, text: Buffer.from(all).toString() };
  };

  rule("what was written is read back with its ETag, and opened from any byte", async (copies) => {
    const etag = await copies.write("a/b.tgz", pieces("one ", "two"), "text/plain");
    const found = await copies.read("a/b.tgz");
    expect({ ...found, bytes: Buffer.from(found?.bytes ?? []).toString() }).toEqual({ etag, bytes: "one two" });
    expect(await opened(copies, "a/b.tgz")).toEqual({ size: 7, text: "one two" });
    expect(await opened(copies, "a/b.tgz", 4)).toEqual({ size: 7, text: "two" });
    expect(await copies.has("a/b.tgz")).toBe(true);
  });
  rule("a missing copy is undefined", async (copies) => {
    expect([await copies.read("no"), await copies.open("no"), await copies.has("no")]).toEqual([
      undefined,
      undefined,
      false,
    ]);
  });
  rule("a write replaces the copy, and other bytes have another ETag", async (copies) => {
    const first = await copies.write("a", Buffer.from("one"), "text/plain");
    expect(await copies.write("a", Buffer.from("one"), "text/plain")).toBe(first);
    expect(await opened(copies, "a")).toEqual({ size: 3, text: "one" });
    expect(await copies.write("a", Buffer.from("two"), "text/plain")).not.toBe(first);
    expect(await opened(copies, "a")).toEqual({ size: 3, text: "two" });
  });
  rule("a body that fails is not kept: its error surfaces, and the copy before it stays", async (copies) => {
    await copies.write("a", Buffer.from("one"), "text/plain");
    const failing = (async function* () {
      yield Buffer.from("two");
      throw new RangeError("broken off");
    })();
    await expect(copies.write("a", failing, "text/plain")).rejects.toThrow(RangeError);
    expect(await opened(copies, "a")).toEqual({ size: 3, text: "one" });
  });
  rule("a large copy is opened in pieces, also from its middle", async (copies) => {
    const text = "0123456789".repeat(300_000);
    await copies.write("large", Buffer.from(text), "text/plain");
    expect(await opened(copies, "large")).toEqual({ size: text.length, text });
    expect((await opened(copies, "large", 1_000_001))?.text).toBe(text.slice(1_000_001));
  });
}
