// Messages as they go over the wire, of clients of either kind.
import { type IncomingHttpHeaders, request } from "node:http";

/** The revision in which each request stands alone, and the last one that begins with `initialize`. */
export const CURRENT = "2026-07-28";
export const OLDER = "2025-11-25";

/** What is sent; a header that is `undefined` is not. */
export interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string | undefined>;
  body?: string | Buffer;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Sends exactly these headers and this body, which `fetch` would not. */
export function send(server: string, { method = "POST", path = "/mcp", headers = {}, body }: Sent): Promise<Reply> {
  const sent = Object.entries(headers).filter((header): header is [string, string] => header[1] !== undefined);
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, server), { method, headers: Object.fromEntries(sent) }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const { statusCode: status = 0, headers } = incoming;
        resolve({ status, headers, body: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

type Params = Record<string, unknown>;

/** What a request of the current revision says about itself. */
export const meta = (version = CURRENT): Params => ({
  "io.modelcontextprotocol/protocolVersion": version,
  "io.modelcontextprotocol/clientInfo": { name: "check", version: "1.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
});

/** The headers of a client that says nothing about its revision. */
export const plain = (token: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
});

export const message = (method: string, params?: Params, id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });

export const notification = (method: string, params?: Params): string => JSON.stringify({ jsonrpc: "2.0", method, params });

/** A request of the current revision. */
export function current(token: string, method: string, params: Params = {}): Sent & { headers: Record<string, string | undefined> } {
  const { name } = params;
  return {
    headers: {
      ...plain(token),
      "mcp-protocol-version": CURRENT,
      "mcp-method": method,
      "mcp-name": typeof name === "string" ? name : undefined,
    },
    body: message(method, { ...params, _meta: meta() }),
  };
}

/** A call of a tool. */
export const toolCall = (token: string, name: string, args: Params): Sent =>
  current(token, "tools/call", { name, arguments: args });
