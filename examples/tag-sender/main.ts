import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { moveTag } from "./send.ts";

const [registry, name, tag, version, key] = process.argv.slice(2);
const token = process.env["CODEBOX_TOKEN"];
if (!registry || !name || !tag || !version || !key || !token) {
  process.stderr.write("usage: CODEBOX_TOKEN=… node main.ts <registry> <package> <tag> <version> <key>\n");
  process.exit(2);
}
const sent = await moveTag({ registry, token, name, tag, version, key }, (attempt) => setTimeout(1_000 * attempt));
if (sent.ok) process.stdout.write(`${name}: ${tag} is ${version}\n`);
else {
  process.stderr.write(`${sent.error}\n`);
  process.exitCode = 1;
}
