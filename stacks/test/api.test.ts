import { describe, expect, test } from "vitest";
import { ROUTES } from "../api.ts";
import { stack, statements, type Stack } from "./resources.ts";
import { CERTIFICATE } from "./synthesise.ts";

const WHOLE = ["trial", "production"] as const;

/** Route → the function that answers it, followed through the integration. */
function routes(of: Stack): Record<string, string> {
  const functions = new Map(
    of
      .all("lambda/function:Function")
      .map(({ name, inputs }) => [String(inputs["name"]), name.replace(/Function$/, "")]),
  );
  const found = of.all("apigatewayv2/route:Route").map(({ inputs }) => {
    const integration = of.one(
      "apigatewayv2/integration:Integration",
      String(inputs["target"]).split("/")[1]!.replace(/-id$/, ""),
    );
    const called = String(integration.inputs["integrationUri"]).split(":function:")[1]!;
    return [String(inputs["routeKey"]), functions.get(called)?.toLowerCase() ?? called];
  });
  return Object.fromEntries(found) as Record<string, string>;
}

describe.each(WHOLE)("the API of a %s stage", (variant) => {
  const of = stack(variant);
  const stage = of.one("apigatewayv2/stage:Stage").inputs;

  test("each route goes to its function", () => {
    expect(routes(of)).toEqual(ROUTES);
  });

  test.each([
    ["PUT /{proxy+}", "write"],
    ["POST /{proxy+}", "write"],
    ["DELETE /{proxy+}", "write"],
    ["$default", "read"],
    ["POST /-/npm/v1/security/{proxy+}", "read"],
    ["POST /-/access/{proxy+}", "read"],
    ["PUT /-/user/{proxy+}", "account"],
    ["DELETE /-/user/{proxy+}", "account"],
    ["GET /-/user/{name}/package", "read"],
    ["GET /-/user/{name}/stars", "read"],
    ["GET /-/whoami", "account"],
    ["POST /-/npm/v1/tokens", "account"],
  ])("%s is answered by %s", (route, name) => {
    expect(routes(of)[route]).toBe(name);
  });

  test("an event has the payload format that the functions read", () => {
    for (const { inputs } of of.all("apigatewayv2/integration:Integration"))
      expect(inputs).toMatchObject({ integrationType: "AWS_PROXY", payloadFormatVersion: "2.0" });
  });

  test("only this API may call the functions", () => {
    const api = of.one("apigatewayv2/api:Api").inputs;
    const permissions = of.all("lambda/permission:Permission");
    expect(permissions).toHaveLength(Object.keys(ROUTES).length);
    for (const { inputs } of permissions) {
      expect(inputs["principal"]).toBe("apigateway.amazonaws.com");
      expect(inputs["sourceArn"]).toBe(`arn:aws:execute-api:eu-central-1:123456789012:${String(api["name"])}/*`);
    }
  });

  test("a browser on another site has no access", () => {
    expect(of.one("apigatewayv2/api:Api").inputs["corsConfiguration"]).toEqual({});
  });

  test("requests are bounded", () => {
    expect(stage["defaultRouteSettings"]).toEqual({
      throttlingRateLimit: 3_000,
      throttlingBurstLimit: 5_000,
      detailedMetricsEnabled: false,
    });
  });

  test("the access log holds neither path nor query: npm sends a token in one", () => {
    const { format } = stage["accessLogSettings"] as { format: string };
    expect(JSON.parse(format)).toMatchObject({ route: "$context.routeKey", status: "$context.status" });
    expect(format).not.toMatch(/context\.(path|domainName|authorizer)|context\.requestOverride|querystring/i);
    expect(of.one("cloudwatch/logGroup:LogGroup", "ApiAccessLog").inputs["retentionInDays"]).toBe(30);
  });
});

describe("a domain", () => {
  const of = stack("production");

  test("is served over TLS 1.2 with the operator's certificate", () => {
    const { domainName, domainNameConfiguration } = of.one("apigatewayv2/domainName:DomainName").inputs;
    expect(domainName).toBe("npm.acme.example");
    expect(domainNameConfiguration).toEqual({
      certificateArn: CERTIFICATE,
      endpointType: "REGIONAL",
      securityPolicy: "TLS_1_2",
    });
    expect(of.outputs["registry"]).toBe("https://npm.acme.example");
  });

  test("is the API's only name; without one, API Gateway's is", () => {
    expect(of.one("apigatewayv2/api:Api").inputs["disableExecuteApiEndpoint"]).toBe(true);
    expect(stack("trial").one("apigatewayv2/api:Api").inputs["disableExecuteApiEndpoint"]).toBe(false);
  });
});

describe.each(WHOLE)("the topics of a %s stage", (variant) => {
  const of = stack(variant);

  test("events go out on a standard topic, changes come in on a FIFO one", () => {
    expect(of.one("sns/topic:Topic", "EventTopic").inputs["fifoTopic"]).toBe(false);
    expect(of.one("sns/topic:Topic", "IntakeTopic").inputs["fifoTopic"]).toBe(true);
  });

  test("the EventTopic is encrypted; the IntakeTopic has no key that other accounts could not use", () => {
    expect(of.one("sns/topic:Topic", "EventTopic").inputs["kmsMasterKeyId"]).toBe("alias/aws/sns");
    expect(of.one("sns/topic:Topic", "IntakeTopic").inputs["kmsMasterKeyId"]).toBeUndefined();
  });

  test.each(["EventTopic", "IntakeTopic"])("%s is refused over plain HTTP", (name) => {
    const { arn, policy } = of.one("sns/topicPolicy:TopicPolicy", name).inputs;
    expect(statements(policy)).toEqual([
      {
        effect: "Deny",
        principals: [{ type: "*", identifiers: ["*"] }],
        actions: ["sns:Publish"],
        resources: [arn],
        conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
      },
    ]);
  });

  test("the intake topic forwards messages unchanged, and undeliverable ones to its own dead-letter queue", () => {
    const { topic, protocol, endpoint, rawMessageDelivery, redrivePolicy } = of.one(
      "sns/topicSubscription:TopicSubscription",
      "Intake",
    ).inputs;
    const arn = (queue: string) =>
      `arn:aws:sqs:eu-central-1:123456789012:${String(of.one("sqs/queue:Queue", queue).inputs["name"])}`;
    expect({ topic, protocol, endpoint, rawMessageDelivery }).toEqual({
      topic: of.outputs["intake"],
      protocol: "sqs",
      endpoint: arn("IntakeQueue"),
      rawMessageDelivery: true,
    });
    expect(JSON.parse(String(redrivePolicy))).toEqual({ deadLetterTargetArn: arn("IntakeDeadLetterQueue") });
  });
});
