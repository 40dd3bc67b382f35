// A proxy on this machine that adds a token, for a program that can send none.
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { onStop } from "../server.js";

/** Starts a proxy to the API, and returns its URL. `Host` and `Origin` stay as the client sends them. */
export async function startProxy(api: string, token: string): Promise<string> {
  const { hostname, port } = new URL(api);
  const server = createServer((incoming, outgoing) => {
    const { url: path, method, headers } = incoming;
    const sent = { ...headers, authorization: `Bearer ${token}` };
    const onward = request({ hostname, port, path, method, headers: sent }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onStop(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
