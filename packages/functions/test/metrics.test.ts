import { afterEach, expect, test, vi } from "vitest";
import { Logger } from "@aws-lambda-powertools/logger";
import { consumeLog, createMeter, requestLog } from "../src/index.ts";

afterEach(() => vi.restoreAllMocks());

type Line = Readonly<Record<string, unknown>> & {
  readonly _aws: { readonly CloudWatchMetrics: readonly Readonly<Record<string, unknown>>[] };
};

/** The lines of embedded metric format that were written. */
function writtenBy(run: () => void): Line[] {
  const written: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  run();
  return written.flatMap((text) => {
    const line: unknown = JSON.parse(text);
    return typeof line === "object" && line !== null && "_aws" in line ? [line as Line] : [];
  });
}
const logger = () => new Logger({ serviceName: "test", logLevel: "SILENT" });

test("an applied batch writes its latency, size and rejections, under the function's name", () => {
  const outcome = { id: "a", name: "wire" };
  const lines = writtenBy(() =>
    consumeLog(logger(), createMeter("codebox-consumer")).applied(
      "wire",
      [
        { ...outcome, state: "applied", revision: 1, sequence: 1 },
        { ...outcome, state: "rejected", rejection: { code: "conflict", message: "no" } },
      ] as never,
      1_500,
    ),
  );
  expect(lines).toMatchObject([{ service: "codebox-consumer", ApplyLatency: 1_500, BatchSize: 2, Rejected: 1 }]);
  expect(lines[0]?._aws.CloudWatchMetrics).toMatchObject([
    {
      Namespace: "codebox",
      Dimensions: [["service"]],
      Metrics: [
        { Name: "ApplyLatency", Unit: "Milliseconds" },
        { Name: "BatchSize", Unit: "Count" },
        { Name: "Rejected", Unit: "Count" },
      ],
    },
  ]);
});
test("a change that is answered later and a failure of the upstream are counted; other answers write no metric", () => {
  const request = { method: "GET", path: "/left", ms: 1 };
  const lines = writtenBy(() => {
    const { onRequest } = requestLog(logger(), createMeter("codebox-read"));
    for (const status of [200, 202, 404, 500, 502]) onRequest({ ...request, status });
  });
  expect(lines).toMatchObject([
    { service: "codebox-read", AnsweredLater: 1 },
    { service: "codebox-read", UpstreamFailures: 1 },
  ]);
});
