import process from "node:process";
import { styleText } from "node:util";
import { Command, Option } from "commander";
import { CHECKS, registryUnderTest, Skipped, type Check, type RegistryUnderTest } from "./index.ts";

type Result = {
  readonly ids: string;
  readonly title: string;
  readonly state: "passed" | "failed" | "skipped";
  readonly reason?: string;
};

const program = new Command("conformance")
  .description("checks a registry against PROTOCOL.md; it publishes packages of its own in one scope")
  .requiredOption("--url <registry>", "where the registry is")
  .addOption(
    new Option("--token <token>", "a token that may publish in the scope").env("CODEBOX_TOKEN").makeOptionMandatory(),
  )
  .option("--scope <scope>", "the scope of the packages", "@conformance")
  .option("--seed <seed>", "makes the packages' names; a new one by default")
  .option("--readonly-token <token>", "a token that may only read")
  .option("--other-token <token>", "a token of another user who may publish")
  .option("--upstream-package <name>", "a package that only the upstream has")
  .parse();

const registry = registryUnderTest(program.opts());
const results: Result[] = [];
for (const one of CHECKS) {
  const result = await run(one, registry);
  results.push(result);
  print(result);
}
const count = (state: Result["state"]) => results.filter((result) => result.state === state).length;
const summary = `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped (seed ${registry.seed})`;
process.stdout.write(process.stdout.isTTY ? `\n${summary}\n` : `${JSON.stringify({ summary })}\n`);
process.exitCode = count("failed") > 0 ? 1 : 0;

async function run({ ids, title, run: perform }: Check, target: RegistryUnderTest): Promise<Result> {
  const what = { ids: ids.join(", "), title };
  try {
    await perform(target);
    return { ...what, state: "passed" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...what, state: error instanceof Skipped ? "skipped" : "failed", reason };
  }
}

/** A line for people on a terminal, a JSON line for programs. */
function print(result: Result): void {
  if (!process.stdout.isTTY) return void process.stdout.write(`${JSON.stringify(result)}\n`);
  const { ids, title, state, reason } = result;
  const mark = { passed: styleText("green", "✓"), failed: styleText("red", "✗"), skipped: styleText("yellow", "–") }[
    state
  ];
  process.stdout.write(`${mark} ${styleText("dim", ids.padEnd(28))} ${title}${reason ? `\n    ${reason}` : ""}\n`);
}
