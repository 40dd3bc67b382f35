// Clients look up where tokens come from (RFC 9728), with the functions of the official clients.
import assert from "node:assert/strict";
import * as both from "@modelcontextprotocol/client";
import * as older from "@modelcontextprotocol/sdk/client/auth.js";
import { startApi, tokenFor } from "../server.js";
import { message, plain, send, toolCall } from "./wire.js";

const ISSUER = "https://issuer.example";
const PATH = "/.well-known/oauth-protected-resource";

/** Both documents are there, and readable without a token. */
async function documents(api: string, resource: string, scopes = {}): Promise<void> {
  for (const path of [PATH, `${PATH}/mcp`]) {
    const { status, body } = await send(api, { method: "GET", path });
    assert.equal(status, 200, body);
    const expected = { resource, authorization_servers: [ISSUER], ...scopes, bearer_methods_supported: ["header"], resource_name: "Tasks" };
    assert.deepEqual(JSON.parse(body), expected);
  }
}

/** The reply to a request without a token leads each client to the issuer. */
async function lookup(api: string): Promise<void> {
  const url = `${api}/mcp`;
  const asked = await fetch(url, { method: "POST", headers: plain("none"), body: message("ping") });
  assert.equal(asked.status, 401);
  for (const { extractWWWAuthenticateParams, discoverOAuthProtectedResourceMetadata } of [older, both]) {
    const { resourceMetadataUrl } = extractWWWAuthenticateParams(asked);
    assert.equal(resourceMetadataUrl?.href, `${api}${PATH}/mcp`);
    for (const options of [{ resourceMetadataUrl }, {}]) {
      const { resource, authorization_servers } = await discoverOAuthProtectedResourceMetadata(url, options);
      assert.deepEqual([resource, authorization_servers], [url, [ISSUER]]);
    }
  }
}

/** A token for reading is enough to find tasks. For others, the reply says what it lacks. */
async function scopes(): Promise<void> {
  const settings = { JWT_ISSUER: ISSUER };
  const api = await startApi(settings);
  const token = tokenFor("reader", settings, "--scope", "tasks:read");
  assert.equal((await send(api, toolCall(token, "find_tasks", {}))).status, 200);
  const { headers, body = "" } = toolCall(token, "add_tasks", { tasks: [{ title: "x" }] });
  const sent = Object.entries(headers ?? {}).filter((header): header is [string, string] => header[1] !== undefined);
  const refused = await fetch(`${api}/mcp`, { method: "POST", headers: sent, body: body.toString() });
  assert.equal(refused.status, 403);
  for (const { extractWWWAuthenticateParams } of [older, both]) {
    const { error, scope, resourceMetadataUrl } = extractWWWAuthenticateParams(refused);
    assert.deepEqual([error, scope, resourceMetadataUrl?.href], ["insufficient_scope", "tasks:write", `${api}${PATH}/mcp`]);
  }
  const writing = tokenFor("reader", settings, "--scope", "tasks:write");
  assert.equal((await send(api, toolCall(writing, "add_tasks", { tasks: [{ title: "x" }] }))).status, 200);
}

export async function discover(withoutIssuer: string): Promise<string> {
  const keys = { JWKS_URL: `${ISSUER}/jwks`, JWT_ISSUER: ISSUER, JWT_AUDIENCE: ISSUER };
  const api = await startApi(keys);
  await documents(api, `${api}/mcp`);
  await lookup(api);
  const named = await startApi({ ...keys, MCP_RESOURCE: "https://tasks.example/v1/mcp" });
  await documents(named, "https://tasks.example/v1/mcp", { scopes_supported: ["tasks:read", "tasks:write"] });
  const { headers } = await send(named, { headers: plain("none"), body: message("ping") });
  assert.ok(headers["www-authenticate"]?.includes(`resource_metadata="https://tasks.example${PATH}/v1/mcp"`));
  await scopes();
  // Without an issuer that has a URL, there is nothing to look up.
  assert.equal((await send(withoutIssuer, { method: "GET", path: PATH })).status, 404);
  return "two clients find the issuer, and the scope they lack";
}
