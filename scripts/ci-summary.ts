// Adds up vitest's JSON reports and prints the skipped tests. The last line is only "N passed, N failed".
import { readFileSync } from "node:fs";
import process from "node:process";
import { z } from "zod";

const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  success: z.boolean(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

const reports = process.argv.slice(2).map((file) => Report.parse(JSON.parse(readFileSync(file, "utf8"))));
const files = reports.flatMap((report) => report.testResults);
const skipped = files.flatMap((file) =>
  file.assertionResults.filter(({ status }) => status === "pending" || status === "skipped"),
);
const brokenFiles = files.filter(
  (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
);

for (const { fullName } of skipped) console.log(`skipped: ${fullName}`);
for (const { name, message } of brokenFiles) console.log(`could not run: ${name}: ${message ?? ""}`);
const passed = reports.reduce((sum, report) => sum + report.numPassedTests, 0);
const failed = reports.reduce((sum, report) => sum + report.numFailedTests, 0) + brokenFiles.length;
if (reports.length === 0 || failed > 0 || reports.some((report) => !report.success)) process.exitCode = 1;
console.log(`${passed} passed, ${failed} failed`);
