import type { Functions } from "./functions.ts";
import type { FunctionName } from "./rights.ts";
import { retentionOf, type Settings } from "./settings.ts";

/**
 * Which function answers which route. API Gateway decodes a path before it matches it and passes it on, so it can't distinguish
 * `@acme%2fwire` from `@acme/wire`. So the routes are catch-alls, and the functions parse the path.
 *
 * A request that matches no route goes to `read`, which cannot change a package. Every route names its method, because AWS does not
 * document whether `ANY` on a longer path takes precedence over `PUT` on a shorter one.
 */
export const ROUTES: Readonly<Record<string, FunctionName>> = {
  $default: "read",
  "POST /-/npm/v1/security/{proxy+}": "read",
  "POST /-/access/{proxy+}": "read",
  "PUT /{proxy+}": "write",
  "POST /{proxy+}": "write",
  "PATCH /{proxy+}": "write",
  "DELETE /{proxy+}": "write",
  "GET /-/whoami": "account",
  "GET /-/user/{proxy+}": "account",
  "GET /-/user/{name}/package": "read",
  "GET /-/user/{name}/stars": "read",
  "PUT /-/user/{proxy+}": "account",
  "DELETE /-/user/{proxy+}": "account",
  "POST /-/v1/login": "account",
  "GET /-/v1/done/{secret}": "account",
  "GET /-/login/{proxy+}": "account",
  "POST /-/login/{proxy+}": "account",
  "GET /-/npm/v1/user": "account",
  "POST /-/npm/v1/user": "account",
  "POST /-/npm/v1/oidc/{proxy+}": "account",
  "GET /-/npm/v1/tokens": "account",
  "POST /-/npm/v1/tokens": "account",
  "DELETE /-/npm/v1/tokens/{proxy+}": "account",
};

/**
 * The logged fields of a request. Path and query are left out, because `npm logout` sends the token in the path.
 * SST's own format contains the path.
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

/** The HTTP API in front of the functions. It has no CORS, because package managers are not browsers. */
export function api(functions: Functions, settings: Settings): sst.aws.ApiGatewayV2 {
  const { domain, throttle } = settings;
  const gateway = new sst.aws.ApiGatewayV2("Api", {
    cors: false,
    accessLog: { retention: retentionOf(settings) },
    ...(domain === undefined ? {} : { domain: domainOf(domain) }),
    transform: {
      api(args) {
        // A registry with its own host name answers only under that name.
        args.disableExecuteApiEndpoint = domain !== undefined;
      },
      stage(args) {
        args.defaultRouteSettings = {
          throttlingRateLimit: throttle.rate,
          throttlingBurstLimit: throttle.burst,
          // A metric for each route costs as much as the alarms do, and no alarm or graph uses one.
          detailedMetricsEnabled: false,
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
  // With the operator's certificate the deployment does not write to the DNS zone either.
  return certificate === undefined ? name : { name, cert: certificate, dns: false as const };
}
