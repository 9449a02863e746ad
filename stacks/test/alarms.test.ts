import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { stack, type Stack } from "./resources.ts";

const DEPLOY = readFileSync(path.resolve(import.meta.dirname, "../../docs/deploy.md"), "utf8");

/** Name, namespace, metric, statistic, what it is above, for how many minutes, on which resource. */
const ALARMS = [
  ["DeadLetters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 0, 1, "DeadLetterQueue"],
  ["IntakeDeadLetters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 0, 1, "IntakeDeadLetterQueue"],
  ["IndexDeadLetters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 0, 1, "IndexDeadLetterQueue"],
  ["OldestChange", "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 300, 1, "ChangeQueue"],
  ["OldestIntake", "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 300, 1, "IntakeQueue"],
  ["ConsumerErrors", "AWS/Lambda", "Errors", "Sum", 0, 1, "Consumer"],
  ["ConsumerFailedChanges", "AWS/Lambda", "FailedInvokeEventCount", "Sum", 10, 3, "uuid-of-ChangeQueue"],
  ["IntakeErrors", "AWS/Lambda", "Errors", "Sum", 0, 1, "Intake"],
  ["EventsUndelivered", "AWS/SNS", "NumberOfNotificationsFailed", "Sum", 0, 1, "EventTopic"],
  ["IntakeUndelivered", "AWS/SNS", "NumberOfNotificationsFailed", "Sum", 0, 1, "IntakeTopic"],
  ["Api5xx", "AWS/ApiGateway", "5xx", "Sum", 5, 3, "ApiApi"],
  ["UpstreamFailures", "codebox", "UpstreamFailures", "Sum", 20, 3, "Read"],
  ["AnsweredLater", "codebox", "AnsweredLater", "Sum", 5, 3, "Write"],
  ["ReadThrottles", "AWS/Lambda", "Throttles", "Sum", 0, 3, "Read"],
  ["WriteThrottles", "AWS/Lambda", "Throttles", "Sum", 0, 3, "Write"],
  ["AccountThrottles", "AWS/Lambda", "Throttles", "Sum", 0, 3, "Account"],
  ["ConsumerThrottles", "AWS/Lambda", "Throttles", "Sum", 0, 3, "Consumer"],
  ["IntakeThrottles", "AWS/Lambda", "Throttles", "Sum", 0, 3, "Intake"],
] as const;

/** Title, statistic, metrics, of how many resources. */
const GRAPHS = [
  ["Waiting", "Maximum", ["ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"], 6],
  ["Age of the oldest change, seconds", "Maximum", ["ApproximateAgeOfOldestMessage"], 2],
  ["Time until a change is applied, milliseconds, p99", "p99", ["ApplyLatency"], 1],
  ["Changes in a batch", "Average", ["BatchSize"], 1],
  ["Requests", "Sum", ["Count", "4xx", "5xx"], 1],
  ["Latency, milliseconds", "p50", ["Latency p50", "Latency p99"], 1],
  ["Errors", "Sum", ["Errors"], 7],
  ["Throttles", "Sum", ["Throttles"], 7],
  ["Duration, milliseconds, p99", "p99", ["Duration"], 7],
  ["At work at once", "Maximum", ["ConcurrentExecutions"], 7],
] as const;
type Graph = {
  readonly title: string;
  readonly stat: string;
  readonly region: string;
  readonly metrics: readonly Metric[];
};
type Metric = readonly [
  namespace: string,
  metric: string,
  dimension: string,
  resource: string,
  more?: { readonly stat: string },
];

const alarmsOf = (of: Stack) => of.all("cloudwatch/metricAlarm:MetricAlarm");

describe.each(["trial", "production"] as const)("the alarms of a %s stage", (variant) => {
  const of = stack(variant);

  test.each(ALARMS)("%s", (name, namespace, metricName, statistic, threshold, evaluationPeriods, resource) => {
    const { inputs } = of.one("cloudwatch/metricAlarm:MetricAlarm", `Alarm${name}`);
    expect(inputs).toMatchObject({
      namespace,
      metricName,
      statistic,
      threshold,
      evaluationPeriods,
      period: 60,
      comparisonOperator: "GreaterThanThreshold",
      treatMissingData: "notBreaching",
    });
    const dimensions = Object.values(inputs["dimensions"] as Record<string, string>);
    expect(dimensions).toEqual([expect.stringContaining(resource)]);
  });

  test("there is no other, and each is sent when it begins and when it ends", () => {
    expect(
      alarmsOf(of)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(ALARMS.map(([name]) => `Alarm${name}`).sort());
    for (const { inputs } of alarmsOf(of)) {
      expect(inputs["alarmActions"]).toEqual([of.outputs["alarms"]]);
      expect(inputs["okActions"]).toEqual([of.outputs["alarms"]]);
    }
  });

  test("events reported as failed are counted", () => {
    for (const { inputs } of of.all("lambda/eventSourceMapping:EventSourceMapping"))
      expect(inputs["metricsConfig"]).toEqual({ metrics: ["EventCount"] });
  });

  const dashboard = () => of.one("cloudwatch/dashboard:Dashboard").inputs;
  const graphs = () => {
    const { widgets } = JSON.parse(String(dashboard()["dashboardBody"])) as { widgets: { properties: Graph }[] };
    return widgets.map(({ properties }) => properties);
  };

  test("the dashboard shows the queues, the functions and the API, by names that exist", () => {
    expect(dashboard()["dashboardName"]).toBe(`codebox-${variant}`);
    expect(new Set(graphs().map(({ region }) => region))).toEqual(new Set(["eu-central-1"]));
    const shown = new Set(graphs().flatMap(({ metrics }) => metrics.map(([, , , resource]) => resource)));
    const named = ["sqs/queue:Queue", "lambda/function:Function"].flatMap((type) =>
      of.all(type).map(({ inputs }) => inputs["name"]),
    );
    expect(shown).toEqual(new Set([...named, "ApiApi-id"]));
  });

  test.each(GRAPHS)("the dashboard's graph: %s", (title, stat, names, resources) => {
    const graph = graphs().find((one) => one.title === title);
    const metrics = graph?.metrics ?? [];
    expect(graph?.stat).toBe(stat);
    // Here each metric says its own statistic.
    const own = title.startsWith("Latency");
    expect(new Set(metrics.map(([, name, , , more]) => (own ? `${name} ${more?.stat ?? ""}` : name)))).toEqual(
      new Set(names),
    );
    expect(new Set(metrics.map(([, , , resource]) => resource)).size).toBe(resources);
  });

  test("the dashboard has no other graph", () => {
    expect(graphs().map(({ title }) => title)).toEqual(GRAPHS.map(([title]) => title));
  });
});

test("alarms are mailed to the operator of production", () => {
  expect(stack("production").one("sns/topicSubscription:TopicSubscription", "AlarmEmail").inputs).toMatchObject({
    topic: stack("production").outputs["alarms"],
    protocol: "email",
    endpoint: "ops@acme.example",
  });
  expect(
    stack("trial")
      .all("sns/topicSubscription:TopicSubscription")
      .map(({ name }) => name),
  ).toEqual(["IndexSubscription", "IntakeSubscription"]);
});

test.each(ALARMS)("docs/deploy.md says what to do about %s", (name) => {
  expect(DEPLOY).toContain(`\`${name.replace(/^(Read|Write|Account|Consumer|Intake)(?=Throttles)/, "…")}\``);
});
