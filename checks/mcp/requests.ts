// Requests as no client library sends them, and the replies that the specification demands.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
import { CURRENT, OLDER, type Sent, current, message, meta, notification, plain } from "./wire.js";

/** The codes of JSON-RPC, and those of the protocol. */
const [NOT_JSON, NO_MESSAGE, NO_METHOD, PARAMS, MISMATCH, VERSION] = [-32700, -32600, -32601, -32602, -32020, -32022];

/** What a reply must be: a result, an error with this code, or neither. */
export interface Expected {
  status: number;
  /** Of the JSON-RPC error. */
  code?: number;
  /** Members that the result has. */
  result?: object;
  /** What `error.data` is. */
  data?: object;
  /** The id that the reply repeats, if it is not 1. */
  id?: unknown;
  headers?: Record<string, RegExp>;
}

export type Case = [name: string, sent: Sent, expected: Expected];

/** What may be said of all results of the current revision. */
const COMPLETE = { resultType: "complete" };
const FOUND = { ...COMPLETE, isError: false };

/** Changes a request of the current revision: its headers, and its body if there is another one. */
function changed(sent: Sent, headers: Sent["headers"], body = sent.body): Sent {
  return { ...sent, headers: { ...sent.headers, ...headers }, ...(body !== undefined && { body }) };
}

/** Requests of the current revision that are answered. */
function answered(token: string): Case[] {
  const [list, find] = [current(token, "tools/list"), current(token, "tools/call", { name: "find_tasks" })];
  const withId = (id: unknown) => changed(list, {}, message("tools/list", { _meta: meta() }, id));
  const { "io.modelcontextprotocol/clientInfo": _, ...nameless } = meta();
  const more = { name: "find_tasks", arguments: {}, inputResponses: {}, requestState: "x", _meta: { ...meta(), progressToken: 7 } };
  const cached = { ...COMPLETE, ttlMs: 3_600_000, cacheScope: "public" };
  const discovered = { ...cached, supportedVersions: [CURRENT], capabilities: { tools: {} } };
  const notified = changed(list, { "mcp-method": "notifications/x" }, notification("notifications/x", { _meta: meta() }));
  return [
    ["list", list, { status: 200, result: cached }],
    ["discover", current(token, "server/discover"), { status: 200, result: discovered }],
    ["call without arguments", find, { status: 200, result: FOUND }],
    ["call with members that only other servers need", changed(find, {}, message("tools/call", more)), { status: 200, result: FOUND }],
    ["no Accept", changed(list, { accept: undefined }), { status: 200, result: COMPLETE }],
    ["Accept: application/json", changed(list, { accept: "application/json" }), { status: 200, result: COMPLETE }],
    ["a session that there is not", changed(list, { "mcp-session-id": "x", "last-event-id": "1" }), { status: 200, result: COMPLETE }],
    ["no clientInfo", changed(list, {}, message("tools/list", { _meta: nameless })), { status: 200, result: COMPLETE }],
    ["id 0", withId(0), { status: 200, id: 0 }],
    ["a text as id", withId("a\"b"), { status: 200, id: "a\"b" }],
    ["Mcp-Name in base64", changed(find, { "mcp-name": "=?base64?ZmluZF90YXNrcw==?=" }), { status: 200, result: FOUND }],
    ["notification", notified, { status: 202 }],
  ];
}

/** Requests of the current revision whose headers do not say what the body says. */
function disagreeing(token: string): Case[] {
  const [list, find] = [current(token, "tools/list"), current(token, "tools/call", { name: "find_tasks", arguments: {} })];
  const of = (version: string) => message("tools/list", { _meta: meta(version) });
  const refused = { status: 400, code: MISMATCH };
  const unsupported = (requested: string): Expected => ({ status: 400, code: VERSION, data: { supported: [CURRENT, OLDER, "2025-06-18"], requested } });
  return [
    ["unknown version", changed(list, { "mcp-protocol-version": "2099-01-01" }, of("2099-01-01")), unsupported("2099-01-01")],
    ["no version at all", changed(list, { "mcp-protocol-version": "v999" }, of("v999")), unsupported("v999")],
    ["older version in _meta", changed(list, { "mcp-protocol-version": OLDER }, of(OLDER)), unsupported(OLDER)],
    ["older version in the body", changed(list, {}, of(OLDER)), refused],
    ["older version in the header", changed(list, { "mcp-protocol-version": OLDER }), refused],
    ["no version in the headers", changed(list, { "mcp-protocol-version": undefined }), refused],
    ["no Mcp-Method", changed(list, { "mcp-method": undefined }), refused],
    ["another Mcp-Method", changed(list, { "mcp-method": "tools/call" }), refused],
    ["Mcp-Method in capitals", changed(list, { "mcp-method": "TOOLS/LIST" }), refused],
    ["no Mcp-Name", changed(find, { "mcp-name": undefined }), refused],
    ["another Mcp-Name", changed(find, { "mcp-name": "add_tasks" }), refused],
    ["Mcp-Name in bad base64", changed(find, { "mcp-name": "=?base64?ZmluZF90YXNrcw?=" }), refused],
    ["Mcp-Name in base64 without an end", changed(find, { "mcp-name": "=?base64?ZmluZF90YXNrcw==" }), refused],
  ];
}

/** Requests of the current revision that ask for what there is not. */
function misguided(token: string): Case[] {
  const list = current(token, "tools/list");
  const withMeta = (_meta: unknown) => changed(list, {}, message("tools/list", { _meta }));
  const { "io.modelcontextprotocol/clientCapabilities": _, ...incapable } = meta();
  const listed = { ...meta(), "io.modelcontextprotocol/clientCapabilities": [] };
  const call = (params: Record<string, unknown>) => current(token, "tools/call", params);
  const unknown = ["foo/bar", "ping", "initialize", "logging/setLevel", "prompts/list", "resources/list", "subscriptions/listen"];
  return [
    ["no params", changed(list, {}, message("tools/list")), { status: 400, code: PARAMS }],
    ["no _meta", changed(list, {}, message("tools/list", {})), { status: 400, code: PARAMS }],
    ["no clientCapabilities", withMeta(incapable), { status: 400, code: PARAMS }],
    ["clientCapabilities that are a list", withMeta(listed), { status: 400, code: PARAMS }],
    ["a version that is a number", withMeta({ ...meta(), "io.modelcontextprotocol/protocolVersion": 1 }), { status: 400, code: PARAMS }],
    ...unknown.map((method): Case => [method, current(token, method), { status: 404, code: NO_METHOD }]),
    ["unknown tool", call({ name: "nope", arguments: {} }), { status: 200, code: PARAMS }],
    ["a tool in capitals", call({ name: "FIND_TASKS", arguments: {} }), { status: 200, code: PARAMS }],
    ["call without a name", call({ arguments: {} }), { status: 200, code: PARAMS }],
    ["call with a list of arguments", call({ name: "find_tasks", arguments: [] }), { status: 200, code: PARAMS }],
    ["call with an unknown argument", call({ name: "find_tasks", arguments: { q: "x" } }), { status: 200, result: { ...COMPLETE, isError: true } }],
  ];
}

/** Requests of older revisions. */
function older(token: string): Case[] {
  const of = (method: string, params?: Record<string, unknown>, version: string | undefined = OLDER): Sent => ({
    headers: { ...plain(token), "mcp-protocol-version": version },
    body: message(method, params),
  });
  const initialize = (asked: string, answer: string): Case => {
    const params = { protocolVersion: asked, capabilities: {}, clientInfo: { name: "check", version: "1" } };
    const sent = { headers: plain(token), body: message("initialize", params) };
    return [`initialize ${asked}`, sent, { status: 200, result: { protocolVersion: answer, capabilities: { tools: {} } } }];
  };
  const known = ["2025-06-18", OLDER];
  return [
    ...known.map((version) => initialize(version, version)),
    ...["1999-01-01", "2024-11-05", CURRENT].map((version) => initialize(version, OLDER)),
    ...known.map((version): Case => [`ping ${version}`, of("ping", undefined, version), { status: 200, result: {} }]),
    ["list, older", of("tools/list"), { status: 200, result: {} }],
    ["list without a version", { headers: plain(token), body: message("tools/list") }, { status: 200, result: {} }],
    ["unknown version, older", of("tools/list", {}, "1999-01-01"), { status: 400, code: VERSION }],
    ["call, older", of("tools/call", { name: "find_tasks", arguments: {}, _meta: { progressToken: 1 } }), { status: 200, result: { isError: false } }],
    ["unknown method, older", of("foo"), { status: 200, code: NO_METHOD }],
    ["discover, older", of("server/discover"), { status: 200, code: NO_METHOD }],
    ["unknown tool, older", of("tools/call", { name: "nope" }), { status: 200, code: PARAMS }],
    ["call without a name, older", of("tools/call", {}), { status: 200, code: PARAMS }],
    ["Accept: application/json, older", changed(of("ping"), { accept: "application/json" }), { status: 200, result: {} }],
    ["no Accept, older", changed(of("ping"), { accept: undefined }), { status: 200, result: {} }],
    ["notification, older", changed(of("x"), {}, notification("notifications/initialized")), { status: 202 }],
  ];
}

/** Bodies that are no message. */
function senseless(token: string): Case[] {
  const bodies: [string, string | Buffer, number][] = [
    ["half a message", '{"jsonrpc":', NOT_JSON],
    ["nothing", "", NOT_JSON],
    ["no UTF-8", Buffer.from('{"jsonrpc":"2.0","id":1,"method":"\xff"}', "latin1"), NOT_JSON],
    ["another object", '{"foo":1}', NO_MESSAGE],
    ["a text", '"ping"', NO_MESSAGE],
    ["no jsonrpc", '{"id":1,"method":"ping"}', NO_MESSAGE],
    ["JSON-RPC 1.0", '{"jsonrpc":"1.0","id":1,"method":"ping"}', NO_MESSAGE],
    ["a number as method", '{"jsonrpc":"2.0","id":1,"method":1}', NO_MESSAGE],
    ["id null", message("ping", {}, null), NO_MESSAGE],
    ["an object as id", message("ping", {}, {}), NO_MESSAGE],
    ["a batch", `[${message("ping")}]`, NO_MESSAGE],
    ["an empty batch", "[]", NO_MESSAGE],
    ["a response", '{"jsonrpc":"2.0","id":1,"result":{}}', NO_MESSAGE],
    ["an error", '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', NO_MESSAGE],
  ];
  const headers = [{ ...plain(token), "mcp-protocol-version": OLDER }, current(token, "ping").headers];
  return headers.flatMap((headers) =>
    bodies.map(([name, body, code]): Case => [name, { headers, body }, { status: 400, code, id: null }]),
  );
}

/** What is refused, or answered, before there is a message. */
function outside(token: string): Case[] {
  const ping = { headers: plain(token), body: message("ping") };
  const problem = (status: number, headers: Expected["headers"] = {}): Expected => ({
    status,
    headers: { "content-type": /^application\/problem\+json/, ...headers },
  });
  const challenge = { "www-authenticate": /^Bearer/ };
  const large = message("ping", { text: "x".repeat(2 ** 20) });
  return [
    ["GET", { method: "GET", headers: { accept: "text/event-stream" } }, { status: 405, headers: { allow: /^POST$/ } }],
    // The gateway has no such routes.
    ["DELETE", { method: "DELETE", headers: plain(token) }, { status: 404 }],
    ["PUT", { ...ping, method: "PUT" }, { status: 404 }],
    ["text/plain", changed(ping, { "content-type": "text/plain" }), problem(415)],
    ["a charset", changed(ping, { "content-type": "application/json; charset=utf-8" }), { status: 200, result: {} }],
    ["a large body", changed(ping, {}, large), problem(413)],
    ["no token", changed(ping, { authorization: undefined }), problem(401, challenge)],
    ["a bad token", changed(ping, { authorization: "Bearer x" }), problem(401, challenge)],
    ["a page elsewhere", changed(ping, { origin: "https://evil.example" }), problem(403)],
    ["a page of nowhere", changed(ping, { origin: "null" }), problem(403)],
    ["a page elsewhere, without a token", changed(ping, { origin: "https://evil.example", authorization: undefined }), problem(403)],
    ["a page elsewhere, as this host", changed(ping, { origin: "http://evil.example", host: "evil.example" }), problem(403)],
    ["a page on this machine", changed(ping, { origin: "http://localhost:6274" }), { status: 200, result: {} }],
  ];
}

/** All requests of a user. */
export const cases = (token: string): Case[] =>
  [answered, disagreeing, misguided, older, senseless, outside].flatMap((group) => group(token));
