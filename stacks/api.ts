import type { Functions } from "./functions.ts";
import type { FunctionName } from "./rights.ts";
import { retentionOf, type Settings } from "./settings.ts";

/**
 * Which function answers what. API Gateway decodes a path before it matches and passes on, so `@acme%2fwire` and
 * `@acme/wire` are alike here: the routes are catch-alls, and the functions parse.
 *
 * What no route names goes to `read`, which cannot change a package. Every route has its method: AWS does not say whether
 * `ANY` on a longer path comes before `PUT` on a shorter one.
 */
export const ROUTES: Readonly<Record<string, FunctionName>> = {
  $default: "read",
  "POST /-/npm/v1/security/{proxy+}": "read",
  "PUT /{proxy+}": "write",
  "POST /{proxy+}": "write",
  "PATCH /{proxy+}": "write",
  "DELETE /{proxy+}": "write",
  "GET /-/whoami": "account",
  "GET /-/user/{proxy+}": "account",
  "PUT /-/user/{proxy+}": "account",
  "DELETE /-/user/{proxy+}": "account",
  "POST /-/v1/login": "account",
  "GET /-/npm/v1/user": "account",
  "POST /-/npm/v1/user": "account",
  "GET /-/npm/v1/tokens": "account",
  "POST /-/npm/v1/tokens": "account",
  "DELETE /-/npm/v1/tokens/{proxy+}": "account",
};

/**
 * What is logged of a request. Neither path nor query: `npm logout` sends the token itself in the path.
 * SST's own format has the path.
 */
const ACCESS_LOG = JSON.stringify({
  time: "$context.requestTime",
  request: "$context.requestId",
  route: "$context.routeKey",
  status: "$context.status",
  milliseconds: "$context.responseLatency",
  bytes: "$context.responseLength",
  error: "$context.integrationErrorMessage",
  ip: "$context.identity.sourceIp",
  agent: "$context.identity.userAgent",
});

/** The HTTP API in front of the functions. Without CORS: package managers are no browsers. */
export function api(functions: Functions, settings: Settings): sst.aws.ApiGatewayV2 {
  const { domain, throttle } = settings;
  const gateway = new sst.aws.ApiGatewayV2("Api", {
    cors: false,
    accessLog: { retention: retentionOf(settings) },
    ...(domain === undefined ? {} : { domain: domainOf(domain) }),
    transform: {
      api(args) {
        // With a name of its own, the registry answers under no other.
        args.disableExecuteApiEndpoint = domain !== undefined;
      },
      stage(args) {
        args.defaultRouteSettings = {
          throttlingRateLimit: throttle.rate,
          throttlingBurstLimit: throttle.burst,
          detailedMetricsEnabled: true,
        };
        args.accessLogSettings = $output(args.accessLogSettings).apply((log) => ({
          destinationArn: log?.destinationArn ?? "",
          format: ACCESS_LOG,
        }));
      },
    },
  });
  for (const [route, name] of Object.entries(ROUTES)) gateway.route(route, functions[name].arn);
  return gateway;
}

function domainOf({ name, certificate }: NonNullable<Settings["domain"]>) {
  // A certificate of the operator's: the zone is not ours to write to either.
  return certificate === undefined ? name : { name, cert: certificate, dns: false as const };
}
