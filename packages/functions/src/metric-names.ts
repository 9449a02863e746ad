/** CloudWatch's namespace of our own metrics. Their one dimension is `service`: the name of the Lambda function. */
export const METRICS_NAMESPACE = "codebox";

/** Our own metrics: the functions write them, alarms and the dashboard read them. */
export const METRIC = {
  /** Milliseconds from the acceptance of a batch's oldest change until it is applied. */
  applyLatency: "ApplyLatency",
  /** Changes in a batch of one package. */
  batchSize: "BatchSize",
  /** Changes of a batch that were rejected. */
  rejected: "Rejected",
  /** Changes that were answered with 202: they were not applied in the time that a client waits. */
  answeredLater: "AnsweredLater",
  /** Requests that failed because the upstream did: no copy could be served. */
  upstreamFailures: "UpstreamFailures",
} as const;
