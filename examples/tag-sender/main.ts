import process from "node:process";
import { SNSClient } from "@aws-sdk/client-sns";
import { createProducer, httpTransport, waitForOutcome } from "@codebox/client";
import { snsTransport } from "@codebox/client/sns";

const [target, name, tag, version, id] = process.argv.slice(2);
const token = process.env["CODEBOX_TOKEN"];
const isTopic = target?.startsWith("arn:") === true;
if (!target || !name || !tag || !version || !id || (!token && !isTopic)) {
  process.stderr.write(
    "usage: CODEBOX_TOKEN=… node main.ts <registry> <package> <tag> <version> <id>\n" +
      "       node main.ts <ARN of the intake topic> <package> <tag> <version> <id>\n",
  );
  process.exit(2);
}
const transport = isTopic
  ? snsTransport({ client: new SNSClient({}), topicArn: target })
  : httpTransport({ registry: target, token: token ?? "" });

// Every try of this move has the same id, so it is made once.
const sent = await createProducer({ transport }).send({ id, name, type: "tag.put", tag, version });
if (isTopic) {
  // The outcome is in the event of the change, or at the registry's status URL: see waitForOutcome.
  process.stdout.write(`sent ${sent.id}\n`);
} else {
  const isKnown = sent.outcome !== undefined && sent.outcome.state !== "pending";
  const outcome = isKnown ? sent.outcome : await waitForOutcome(sent, { registry: target, token: token ?? "" });
  if (outcome?.state === "applied") process.stdout.write(`${name}: ${tag} is ${version}\n`);
  else {
    process.stderr.write(`${outcome && "error" in outcome ? outcome.error : "the change is not applied yet"}\n`);
    process.exitCode = 1;
  }
}
