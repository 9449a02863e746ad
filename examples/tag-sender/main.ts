import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { SNSClient } from "@aws-sdk/client-sns";
import { publishMove, tagPut } from "./message.ts";
import { moveTag } from "./send.ts";

const [target, name, tag, version, key] = process.argv.slice(2);
const token = process.env["CODEBOX_TOKEN"];
const isTopic = target?.startsWith("arn:") === true;
if (!target || !name || !tag || !version || !key || (!token && !isTopic)) {
  process.stderr.write(
    "usage: CODEBOX_TOKEN=… node main.ts <registry> <package> <tag> <version> <key>\n" +
      "       node main.ts <ARN of the intake topic> <package> <tag> <version> <id>\n",
  );
  process.exit(2);
}
const move = { name, tag, version, key };
if (isTopic) {
  await publishMove(new SNSClient({}), target, tagPut({ ...move, at: new Date() }));
  process.stdout.write(`sent ${key}\n`);
} else {
  const pause = (attempt: number) => setTimeout(1_000 * attempt);
  const sent = await moveTag({ registry: target, token: token ?? "", ...move }, pause);
  if (sent.ok) process.stdout.write(`${name}: ${tag} is ${version}\n`);
  else {
    process.stderr.write(`${sent.error}\n`);
    process.exitCode = 1;
  }
}
