import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach } from "vitest";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Another registry on 127.0.0.1, a new one for each test of the file. A test sets `answer`; `seen` is what was asked. */
export function serveEachTest(): { readonly url: string; answer: Answer; readonly seen: IncomingMessage[] } {
  let server: Server;
  const served = { url: "", answer: ((_, response) => response.end()) as Answer, seen: [] as IncomingMessage[] };
  beforeEach(async () => {
    served.seen.length = 0;
    server = createServer((request, response) => {
      served.seen.push(request);
      served.answer(request, response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    served.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return served;
}

/** An answer that has only a status. */
export const status =
  (code: number): Answer =>
  (_, response) =>
    void response.writeHead(code).end();
