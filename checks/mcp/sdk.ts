// The official clients in TypeScript: the one of the revisions before 2026-07-28, and the one of
// all revisions.
import assert from "node:assert/strict";
import * as both from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { McpClient, Result } from "./client.js";
import { CURRENT, OLDER } from "./wire.js";

const us = { name: "check", version: "1.0" };

const options = (token: string) => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } });

/** What the clients return for a call, whatever their types say. */
interface Raw {
  isError?: unknown;
  content?: unknown;
  structuredContent?: unknown;
}

function resultOf({ isError = false, content, structuredContent }: Raw): Result {
  assert.ok(typeof isError === "boolean" && Array.isArray(content));
  const [block, ...others] = content as { type: string; text?: string }[];
  assert.ok(block?.type === "text" && block.text !== undefined && others.length === 0, JSON.stringify(content));
  return { isError, text: block.text, structured: structuredContent };
}

/** The client of 1.x. */
export async function connectOlder(api: string, token: string): Promise<McpClient> {
  const client = new Client(us);
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", api), options(token));
  // Its own type of `sessionId` forbids `undefined`, which it returns.
  await client.connect(transport as Transport);
  assert.equal(transport.protocolVersion, OLDER);
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => resultOf((await client.callTool({ name, arguments: args })) as Raw),
    close: () => client.close(),
  };
}

export type Mode = "legacy" | "auto" | "pinned";

/** The client of 2.x. */
export async function connectEither(api: string, token: string, mode: Mode): Promise<McpClient> {
  const negotiation = { mode: mode === "pinned" ? { pin: CURRENT } : mode };
  const client = new both.Client(us, { versionNegotiation: negotiation });
  await client.connect(new both.StreamableHTTPClientTransport(new URL("/mcp", api), options(token)));
  assert.equal(client.getNegotiatedProtocolVersion(), mode === "legacy" ? OLDER : CURRENT);
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => resultOf(await client.callTool({ name, arguments: args })),
    close: () => client.close(),
  };
}
