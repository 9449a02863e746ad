import { ApiError, bareErrorResponse, pathProblem, type App } from "@codebox/api";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { handle, type LambdaEvent } from "hono/aws-lambda";

/** Largest answer, in bytes: Lambda's 6 MiB less its envelope. base64 counts. Source: Lambda quotas. */
const ANSWER_BYTES_MAX = 6 * 1024 * 1024 - 64 * 1024;

export type GatewayHandler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;

/**
 * An app as the handler behind an API Gateway HTTP API (payload 2.0).
 *
 * @example export const handler = gatewayHandler(createReadApp(env, parts));
 */
export function gatewayHandler(app: App): GatewayHandler {
  const answer = handle(app);
  return async (event) => {
    const rawPath = escapePath(event.rawPath);
    // What names one package would reach another.
    const refused = pathProblem(rawPath);
    if (refused) return resultOf(bareErrorResponse(refused));
    const result = await answer({ ...event, rawPath, headers: headersOf(event) } as unknown as LambdaEvent);
    if (Buffer.byteLength(result.body) <= ANSWER_BYTES_MAX) return result as APIGatewayProxyStructuredResultV2;
    return resultOf(bareErrorResponse(tooLarge()));
  };
}

/**
 * API Gateway sends the path decoded: "%2f" has become "/", and an escaped "%" or "?" is no longer escaped. It is escaped again,
 * segment by segment, so that it is parsed as what the client meant; the router takes both spellings of a scope's slash.
 */
function escapePath(path: string): string {
  return path
    .split("/")
    .map((part) => encodeURIComponent(part).replaceAll("%40", "@").replaceAll("%3A", ":"))
    .join("/");
}

/**
 * Compressed bytes reach a function in base64, or not at all: as text they would not survive. So a body that comes as text was
 * decompressed on its way, whatever its `content-encoding` says.
 */
function headersOf({ headers, isBase64Encoded }: APIGatewayProxyEventV2): APIGatewayProxyEventV2["headers"] {
  if (isBase64Encoded) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "content-encoding"));
}

function tooLarge(): ApiError {
  return new ApiError(
    "not_acceptable",
    'this answer is over the 6 MiB that AWS Lambda can send; ask for it with "accept-encoding: gzip", or for its abbreviated form',
  );
}

async function resultOf(response: Response): Promise<APIGatewayProxyStructuredResultV2> {
  const headers = Object.fromEntries(response.headers);
  return { statusCode: response.status, headers, body: await response.text(), isBase64Encoded: false };
}
