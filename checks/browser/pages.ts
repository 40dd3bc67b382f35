// Pages on other origins.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onStop } from "../server.js";

/** Serves an empty page on this port of `localhost` (0: any free port), and returns its origin. */
export async function startPage(port = 0): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end('<!doctype html><link rel="icon" href="data:,">');
  });
  await new Promise<void>((resolve, reject) => server.on("error", reject).listen(port, "127.0.0.1", resolve));
  onStop(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}
