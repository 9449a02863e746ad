import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

/** What an upstream sends, whatever HTTP says about it. */
export type Reply = {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** Bytes at the end that are announced and not sent. */
  readonly missing: number;
};

export type FakeUpstream = {
  readonly url: string;
  /** How many connections came. */
  connections(): number;
  close(): Promise<void>;
};

/** A server that answers each path as `replyTo` says, one request a connection. */
export async function startUpstream(replyTo: (path: string) => Reply): Promise<FakeUpstream> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    let received = "";
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (piece) => {
      received += piece.toString("latin1");
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/^content-length: (\d+)/im.exec(received)?.[1] ?? 0);
      if (received.length >= end + 4 + length) socket.end(bytesOf(replyTo(received.split(" ", 2)[1] ?? "/")));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function bytesOf({ status, headers, body, missing }: Reply): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value.replace(/[\r\n]+/g, " ")}\r\n`);
  const isSized = headers.some(([name]) => name === "content-length" || name === "transfer-encoding");
  const length = isSized ? "" : `content-length: ${body.byteLength}\r\n`;
  const head = `HTTP/1.1 ${status} x\r\n${lines.join("")}${length}connection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body.subarray(0, Math.max(0, body.byteLength - missing))]);
}
