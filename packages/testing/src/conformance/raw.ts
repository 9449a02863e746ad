import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";

/** A request on a connection of its own, which `fetch` cannot promise. */
function open(url: string, options: http.RequestOptions): http.ClientRequest {
  const request = url.startsWith("https:") ? https.request : http.request;
  return request(url, { ...options, agent: false });
}

/** The body of a GET on a new connection, as text. */
export async function getOnNewConnection(url: string, token: string): Promise<string> {
  const request = open(url, { headers: { authorization: `Bearer ${token}` } }).end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  return Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString("utf8");
}

/** Sends the first half of a JSON body, and closes the connection. */
export async function putHalf(url: string, token: string, body: string): Promise<void> {
  const bytes = Buffer.from(body);
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "content-length": bytes.length,
  };
  const request = open(url, { method: "PUT", headers });
  // The connection ends before the answer: that is the point.
  request.on("error", () => {});
  await new Promise<void>((resolve) => request.write(bytes.subarray(0, bytes.length / 2), () => resolve()));
  const closed = new Promise<void>((resolve) => request.once("close", () => resolve()));
  request.destroy();
  await closed;
}
