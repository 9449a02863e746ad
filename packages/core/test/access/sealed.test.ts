import * as fc from "fast-check";
import { expect, test } from "vitest";
import { boxOf, seal, unseal } from "../../src/index.ts";

test("who has the secret of a box reads what was sealed for it; nobody else does", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), fc.string({ minLength: 1 }), (secret, text, other) => {
      const sealed = seal(boxOf(secret), text);
      expect(unseal(secret, sealed)).toBe(Buffer.from(text, "utf8").toString("utf8"));
      if (other !== secret) expect(unseal(other, sealed)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});
test("a sealed text that was changed, or is none, is not opened", () => {
  const sealed = seal(boxOf("secret"), "text");
  const [sender = "", rest = ""] = sealed.split(".");
  const flipped = Buffer.from(rest, "base64url");
  flipped[15] = (flipped[15] ?? 0) ^ 1;
  for (const wrong of [`${sender}.${flipped.toString("base64url")}`, `${sender}.`, "", "x.y", sealed.slice(0, -5)])
    expect(unseal("secret", wrong)).toBeUndefined();
});
