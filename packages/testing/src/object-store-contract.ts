import { expect } from "vitest";
import { pages, type ObjectStore } from "@codebox/core";
import { testOrGap, type KnownGaps } from "./known-gaps.ts";

export type StoreFixture = AsyncDisposable & { readonly store: ObjectStore };

const text = (value: string) => Buffer.from(value);
async function* pieces(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield text(part);
}
async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}
async function read(store: ObjectStore, key: string): Promise<string | undefined> {
  const found = await store.get(key);
  return found?.notModified === false ? Buffer.from(found.bytes).toString() : undefined;
}

/**
 * What every `ObjectStore` must do. `open` gives an empty one, or one whose keys this run alone uses.
 * @param gaps rules that a stand-in for the real store is known to break: rule → reason, which is printed.
 */
export function objectStoreContract(open: () => Promise<StoreFixture>, gaps: KnownGaps = {}): void {
  const rule = (name: string, check: (store: ObjectStore) => Promise<void>) =>
    testOrGap(gaps, name, async () => {
      await using fixture = await open();
      await check(fixture.store);
    });

  rule("what was put is read back, with its ETag, size and type", async (store) => {
    const put = await store.put("a/index.json", text("{}"), { contentType: "application/json" });
    const found = await store.get("a/index.json");
    expect(found).toMatchObject({ size: 2, contentType: "application/json", etag: put.ok ? put.etag : "" });
    expect(await read(store, "a/index.json")).toBe("{}");
  });
  rule("a missing object is undefined for get, head and open", async (store) => {
    expect(await store.get("no")).toBeUndefined();
    expect(await store.head("no")).toBeUndefined();
    expect(await store.open("no")).toBeUndefined();
    expect(await store.get("no", { ifNoneMatch: '"x"' })).toBeUndefined();
  });
  rule("get with the present ETag costs no bytes, with another one it does", async (store) => {
    const put = await store.put("a", text("1"));
    if (!put.ok) throw new Error("refused");
    expect(await store.get("a", { ifNoneMatch: put.etag })).toEqual({ notModified: true, etag: put.etag });
    expect(await store.get("a", { ifNoneMatch: '"other"' })).toMatchObject({ notModified: false });
  });
  rule("the ETag differs whenever the bytes differ", async (store) => {
    const [one, two] = [await store.put("a", text("1")), await store.put("a", text("2"))];
    expect(one.ok && two.ok && one.etag !== two.etag).toBe(true);
  });
  rule("If-Match with the present ETag writes", async (store) => {
    const put = await store.put("a", text("1"));
    expect(await store.put("a", text("2"), { condition: { ifMatch: put.ok ? put.etag : "" } })).toMatchObject({
      ok: true,
    });
    expect(await read(store, "a")).toBe("2");
  });
  rule("If-Match with another ETag is a mismatch and writes nothing", async (store) => {
    await store.put("a", text("1"));
    const result = await store.put("a", text("2"), { condition: { ifMatch: '"0123456789abcdef0123456789abcdef"' } });
    expect(result).toEqual({ ok: false, reason: "mismatch" });
    expect(await read(store, "a")).toBe("1");
  });
  rule("If-Match on a missing object is missing", async (store) => {
    const result = await store.put("a", text("2"), { condition: { ifMatch: '"0123456789abcdef0123456789abcdef"' } });
    expect(result).toEqual({ ok: false, reason: "missing" });
    expect(await store.head("a")).toBeUndefined();
  });
  rule("If-None-Match writes where there is nothing, and only there", async (store) => {
    expect(await store.put("a", text("1"), { condition: { ifNoneMatch: "*" } })).toMatchObject({ ok: true });
    expect(await store.put("a", text("2"), { condition: { ifNoneMatch: "*" } })).toEqual({
      ok: false,
      reason: "mismatch",
    });
    expect(await read(store, "a")).toBe("1");
  });
  rule(
    "a checksum, where there is one, is that of the bytes: equal for a copy, another for other bytes",
    async (store) => {
      await store.put("a", text("1"));
      await store.put("b", text("2"));
      expect(await store.copy("a", "c", { ifNoneMatch: "*" })).toMatchObject({ ok: true });
      const [a, b, c] = await Promise.all([store.head("a"), store.head("b"), store.head("c")]);
      expect(c?.checksum).toBe(a?.checksum);
      if (a?.checksum !== undefined) expect(b?.checksum).not.toBe(a.checksum);
    },
  );
  rule("of 50 writers with If-None-Match one wins", async (store) => {
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => store.put("a", text(`${index}`), { condition: { ifNoneMatch: "*" } })),
    );
    const winners = results.flatMap((result, index) => (result.ok ? [index] : []));
    expect(winners).toHaveLength(1);
    expect(await read(store, "a")).toBe(String(winners[0]));
  });
  rule("a counter raised to 200 by competing writers with If-Match loses no step", async (store) => {
    await store.put("n", text("0"));
    const raise = async (): Promise<void> => {
      for (;;) {
        const found = await store.get("n");
        if (found?.notModified !== false) throw new Error("gone");
        const next = text(String(Number(Buffer.from(found.bytes).toString()) + 1));
        if ((await store.put("n", next, { condition: { ifMatch: found.etag } })).ok) return;
      }
    };
    const writer = async () => {
      for (let step = 0; step < 25; step++) await raise();
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    expect(await read(store, "n")).toBe("200");
  });
  rule("a stream is stored whole", async (store) => {
    await store.put("s", pieces("one ", "two ", "three"));
    expect(await read(store, "s")).toBe("one two three");
  });
  rule("a stream that breaks off stores nothing, and its error surfaces", async (store) => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield text("half");
      throw new Error("the client went away");
    }
    await expect(store.put("s", broken())).rejects.toThrow("the client went away");
    expect(await store.head("s")).toBeUndefined();
  });
  rule("a large stream is read back whole and by ranges", async (store) => {
    const bytes = Buffer.alloc(3 * 1024 * 1024 + 17, "0123456789abcdef");
    async function* large(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    }
    await store.put("big", large());
    const open = await store.open("big");
    expect(open?.size).toBe(bytes.length);
    expect((await collect(open?.body ?? pieces())) === bytes.toString()).toBe(true);
    const [start, end] = [1024 * 1024 - 5, 2 * 1024 * 1024 + 5];
    const part = await store.open("big", { start, end });
    expect((await collect(part?.body ?? pieces())) === bytes.subarray(start, end + 1).toString()).toBe(true);
  });
  rule("a range of a small object has both ends included, and an open end", async (store) => {
    await store.put("a", text("0123456789"));
    expect(await collect((await store.open("a", { start: 2, end: 4 }))?.body ?? pieces())).toBe("234");
    expect(await collect((await store.open("a", { start: 7 }))?.body ?? pieces())).toBe("789");
  });
  rule("copy makes an independent object", async (store) => {
    await store.put("from", text("1"), { contentType: "text/plain" });
    expect(await store.copy("from", "to")).toMatchObject({ ok: true });
    await store.delete("from");
    expect(await read(store, "to")).toBe("1");
  });
  rule("a large object's copy outlives it", async (store) => {
    await store.put("from", Buffer.alloc(1024 * 1024, "x"));
    await store.copy("from", "to");
    await store.delete("from");
    expect((await read(store, "to"))?.length).toBe(1024 * 1024);
  });
  rule("copy of a missing object is missing", async (store) => {
    expect(await store.copy("no", "to", { ifNoneMatch: "*" })).toEqual({ ok: false, reason: "missing" });
  });
  rule("copy with If-None-Match does not replace; with If-Match it replaces what was seen", async (store) => {
    await store.put("from", text("new"));
    const old = await store.put("to", text("old"));
    expect(await store.copy("from", "to", { ifNoneMatch: "*" })).toEqual({ ok: false, reason: "mismatch" });
    expect(await read(store, "to")).toBe("old");
    expect(await store.copy("from", "to", { ifMatch: old.ok ? old.etag : "" })).toMatchObject({ ok: true });
    expect(await read(store, "to")).toBe("new");
  });
  rule("delete removes, twice without complaint; with another ETag it refuses", async (store) => {
    await store.put("a", text("1"));
    expect(await store.delete("a", { ifMatch: '"0123456789abcdef0123456789abcdef"' })).toEqual({
      ok: false,
      reason: "mismatch",
    });
    expect(await store.delete("a")).toEqual({ ok: true });
    expect(await store.delete("a")).toEqual({ ok: true });
    expect(await store.head("a")).toBeUndefined();
  });
  rule("list gives all pages of a prefix, in order, and nothing beside it", async (store) => {
    const keys = Array.from({ length: 1_205 }, (_, index) => `p/${String(index).padStart(5, "0")}`);
    await Promise.all([...keys, "o/1", "q/1", "p"].map((key) => store.put(key, text("1"))));
    const seen: string[] = [];
    for await (const { objects } of pages(store, "p/")) seen.push(...objects.map(({ key }) => key));
    expect(seen).toEqual(keys);
  });
  rule("any key is a cursor: a page begins behind it, whether it exists or not", async (store) => {
    await Promise.all(["a", "b/1", "b/2", "c"].map((key) => store.put(key, text("1"))));
    const behind = async (cursor: string) => (await store.list("", cursor)).objects.map(({ key }) => key);
    expect(await behind("b/1")).toEqual(["b/2", "c"]);
    expect(await behind("b0")).toEqual(["c"]);
  });
  rule("odd keys are keys like others", async (store) => {
    for (const key of ["@acme/wire/index.json", "a b/ü/日本.tgz", "100%/_'\"*?", "wire/1.0.0-rc.1.tgz"]) {
      await store.put(key, text(key));
      expect(await read(store, key)).toBe(key);
      expect((await store.list(key)).objects.map((object) => object.key)).toEqual([key]);
    }
  });
}
