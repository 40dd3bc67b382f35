// Sends the requests of the table.
import assert from "node:assert/strict";
import { tokenFor } from "../server.js";
import { type Expected, cases } from "./requests.js";
import { type Reply, send } from "./wire.js";

/** What a JSON-RPC message may have. */
interface Message {
  jsonrpc?: unknown;
  id?: unknown;
  result?: Record<string, unknown>;
  error?: { code: number; message: unknown; data?: unknown };
}

function check(reply: Reply, { status, code, result, data, id = 1, headers = {} }: Expected): void {
  assert.equal(reply.status, status);
  for (const [name, pattern] of Object.entries(headers)) assert.match(String(reply.headers[name]), pattern, name);
  assert.equal(reply.headers["mcp-session-id"], undefined);
  if (status === 202 || status === 405) return assert.equal(reply.body, "");
  // Not a message of the protocol, but a problem of the API or of its gateway.
  if (status !== 200 && code === undefined) return;
  assert.match(String(reply.headers["content-type"]), /^application\/json/);
  const message = JSON.parse(reply.body) as Message;
  assert.deepEqual([message.jsonrpc, message.id, message.error?.code], ["2.0", id, code]);
  assert.deepEqual(Object.keys(message), ["jsonrpc", "id", code === undefined ? "result" : "error"]);
  if (message.error) assert.ok(typeof message.error.message === "string" && message.error.message !== "");
  if (data) assert.deepEqual(message.error?.data, data);
  for (const [name, value] of Object.entries(result ?? {})) assert.deepEqual(message.result?.[name], value, name);
  // Only the current revision has these.
  if (result && !("resultType" in result)) assert.ok(!("resultType" in (message.result ?? {})));
}

/** Sends all requests, and reports every reply that is not as expected. */
export async function sendRaw(api: string): Promise<string> {
  const all = cases(tokenFor("raw"));
  const wrong: string[] = [];
  for (const [name, sent, expected] of all) {
    const reply = await send(api, sent);
    try {
      check(reply, expected);
    } catch (error) {
      wrong.push(`${name}: ${reply.status} ${reply.body.slice(0, 300)}\n  ${String(error)}`);
    }
  }
  assert.deepEqual(wrong, [], wrong.join("\n"));
  return `${all.length} requests`;
}
