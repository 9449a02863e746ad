// Serves the files of a directory from memory. Arguments: directory, port.
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import process from "node:process";

const [directory = ".", port = "0"] = process.argv.slice(2);
const files = new Map(readdirSync(directory).map((name) => [`/${name}`, readFileSync(join(directory, name))]));
createServer(({ url = "" }, response) => {
  const bytes = files.get(url);
  const encoding = url.endsWith(".gz") ? { "content-encoding": "gzip" } : {};
  if (bytes) response.writeHead(200, { "content-length": bytes.length, ...encoding }).end(bytes);
  else response.writeHead(404).end();
}).listen(Number(port), "127.0.0.1");
