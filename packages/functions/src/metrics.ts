import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { METRIC, METRICS_NAMESPACE } from "./metric-names.ts";

/**
 * A function's own metrics: a line of embedded metric format in its log, from which CloudWatch makes metrics without a request of ours.
 *
 * Source: CloudWatch User Guide, "Embedding metrics within logs".
 */
export type Meter = {
  /** Changes of one package were applied. @param batch.waitedMs since the oldest one was accepted */
  readonly applied: (batch: { readonly changes: number; readonly rejected: number; readonly waitedMs: number }) => void;
  /** A request was answered. Only statuses that an operator watches are counted: each line costs. */
  readonly answered: (status: number) => void;
};

/**
 * The metrics of a function.
 *
 * @example const meter = createMeter(process.env["AWS_LAMBDA_FUNCTION_NAME"]);
 * @param functionName Lambda's name for it; undefined outside of Lambda
 */
export function createMeter(functionName: string | undefined): Meter {
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE, serviceName: functionName ?? "local" });
  const count = (name: string) => {
    metrics.addMetric(name, MetricUnit.Count, 1);
    metrics.publishStoredMetrics();
  };
  return {
    applied({ changes, rejected, waitedMs }) {
      metrics.addMetric(METRIC.applyLatency, MetricUnit.Milliseconds, Math.max(0, waitedMs));
      metrics.addMetric(METRIC.batchSize, MetricUnit.Count, changes);
      metrics.addMetric(METRIC.rejected, MetricUnit.Count, rejected);
      metrics.publishStoredMetrics();
    },
    answered(status) {
      if (status === 202) count(METRIC.answeredLater);
      if (status === 502) count(METRIC.upstreamFailures);
    },
  };
}
