import { METRIC, METRICS_NAMESPACE } from "../packages/functions/src/metric-names.ts";
import type { Functions } from "./functions.ts";
import type { Queues } from "./queue.ts";

type Metric = readonly [
  namespace: string,
  metric: string,
  ...rest: readonly ($util.Input<string> | { readonly stat: string })[],
];

/** One page of graphs: is anything waiting, failing or slow? */
export function dashboard(queues: Queues, functions: Functions, gateway: sst.aws.ApiGatewayV2): void {
  const region = aws.getRegionOutput().region;
  const queueMetric = (queue: sst.aws.Queue, metric: string): Metric => [
    "AWS/SQS",
    metric,
    "QueueName",
    queue.nodes.queue.name,
  ];
  const each = (metric: string, stat?: string): Metric[] =>
    Object.values(functions).map((fn) => ["AWS/Lambda", metric, "FunctionName", fn.name, ...(stat ? [{ stat }] : [])]);
  const apiMetric = (metric: string, stat: string): Metric => [
    "AWS/ApiGateway",
    metric,
    "ApiId",
    gateway.nodes.api.id,
    { stat },
  ];

  const graphs: readonly (readonly [title: string, stat: string, metrics: readonly Metric[]])[] = [
    [
      "Waiting",
      "Maximum",
      [
        queueMetric(queues.changes, "ApproximateNumberOfMessagesVisible"),
        queueMetric(queues.changes, "ApproximateNumberOfMessagesNotVisible"),
        queueMetric(queues.intake, "ApproximateNumberOfMessagesVisible"),
        queueMetric(queues.deadLetters, "ApproximateNumberOfMessagesVisible"),
        queueMetric(queues.intakeDeadLetters, "ApproximateNumberOfMessagesVisible"),
        queueMetric(queues.index, "ApproximateNumberOfMessagesVisible"),
        queueMetric(queues.indexDeadLetters, "ApproximateNumberOfMessagesVisible"),
      ],
    ],
    [
      "Age of the oldest change, seconds",
      "Maximum",
      [
        queueMetric(queues.changes, "ApproximateAgeOfOldestMessage"),
        queueMetric(queues.intake, "ApproximateAgeOfOldestMessage"),
      ],
    ],
    [
      "Time until a change is applied, milliseconds, p99",
      "p99",
      [[METRICS_NAMESPACE, METRIC.applyLatency, "service", functions.consumer.name]],
    ],
    ["Changes in a batch", "Average", [[METRICS_NAMESPACE, METRIC.batchSize, "service", functions.consumer.name]]],
    ["Requests", "Sum", [apiMetric("Count", "Sum"), apiMetric("4xx", "Sum"), apiMetric("5xx", "Sum")]],
    ["Latency, milliseconds", "p50", [apiMetric("Latency", "p50"), apiMetric("Latency", "p99")]],
    ["Errors", "Sum", each("Errors")],
    ["Throttles", "Sum", each("Throttles")],
    ["Duration, milliseconds, p99", "p99", each("Duration")],
    ["At work at once", "Maximum", each("ConcurrentExecutions")],
  ];
  const widgets = graphs.map(([title, stat, metrics], index) => ({
    type: "metric",
    x: (index % 2) * 12,
    y: Math.floor(index / 2) * 6,
    width: 12,
    height: 6,
    properties: { title, stat, metrics, region, period: 60, view: "timeSeries", stacked: false },
  }));
  new aws.cloudwatch.Dashboard("Dashboard", {
    dashboardName: `${$app.name}-${$app.stage}`,
    dashboardBody: $jsonStringify({ widgets }),
  });
}
