import { expect, test } from "vitest";
import { startApp } from "./harness.ts";

test("a message shows what was sent without characters that a terminal obeys", async () => {
  const app = await startApp();
  try {
    await app.publish("wire", "1.0.0");
    for (const odd of ["\u001b[2J", "\u009b2J", "\u007f", "\u202e"]) {
      const response = await app.send("PUT", "/-/package/wire/dist-tags/next", `"${JSON.stringify(odd).slice(1)}`);
      const { error, message } = (await response.json()) as { error: string; message: string };
      expect(response.status).toBe(400);
      expect(error).not.toContain(odd.slice(0, 1));
      expect(message).toBe(error);
    }
  } finally {
    await app[Symbol.asyncDispose]();
  }
});
