import process from "node:process";
import { Command, Option } from "commander";
import { runCheck } from "./check.ts";
import { CHECKS } from "./index.ts";
import { createRegistry, type Target } from "./registry.ts";
import { createReport } from "./report.ts";

type Options = Target & { readonly only?: string };

const url = new Option("--url <registry>", "the registry's URL").makeOptionMandatory();
const token = new Option("--token <token>", "a token that may publish in the scope")
  .env("CODEBOX_TOKEN")
  .makeOptionMandatory();

const program = new Command("conformance")
  .description("Checks a running registry against PROTOCOL.md. Publishes packages with new names in one scope.")
  .addOption(url)
  .addOption(token)
  .option("--scope <scope>", "the scope of the packages", "@conformance")
  .option("--seed <seed>", "part of every name; with one that was used before, names are taken (default: random)")
  .addOption(new Option("--readonly-token <token>", "a read-only token").env("CODEBOX_READONLY_TOKEN"))
  .addOption(new Option("--other-token <token>", "a token of another user who may write").env("CODEBOX_OTHER_TOKEN"))
  .option("--upstream-package <name>", "a package that the upstream has and the registry does not")
  .option("--only <id>", "only the checks of one rule, or of a section: TAG-7, or TAG")
  .showHelpAfterError("(add --help to see the options)")
  .addHelpText("after", "\nA terminal gets a table; a pipe gets JSON lines. Exit code 1: a check failed; 2: wrong use.")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();

const { only, ...target } = program.opts<Options>();
const checks = CHECKS.filter(({ ids }) =>
  ids.some((id) => only === undefined || id === only || id.startsWith(`${only}-`)),
);
if (checks.length === 0) program.error(`no check has the rule ${only}`);
const registry = createRegistry(target);
const report = createReport(process.stdout, process.env);
report.start(registry.url, registry.seed);
for (const check of checks) report.add(await runCheck(check, registry));
process.exitCode = report.end();
