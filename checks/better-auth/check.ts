// A real Better Auth server signs users in, and the local API accepts its tokens.
// Run with `npm ci && npm run check:better-auth`, after `cargo build --workspace`.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";
import { onStop, startApi, stopAll } from "../server.js";

const secret = "a-secret-for-this-check-only-0123456789";

/** A Better Auth user and the cookies of their session. */
type SignedUp = { id: string; cookies: Record<string, string> };

/** Better Auth's tables, in memory. */
type Tables = { jwks: { expiresAt?: Date }[] } & Record<string, object[]>;

/** Starts Better Auth on a free port, and returns its URL. `tables` holds its data. */
async function startBetterAuth(tables: Tables): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onStop(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const auth = betterAuth({
    baseURL: url,
    secret,
    database: memoryAdapter(tables),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    // Stores the session in a cookie that is itself a JWT, signed with the secret.
    session: { cookieCache: { enabled: true, strategy: "jwt" } },
    plugins: [jwt()],
    telemetry: { enabled: false },
  });
  server.on("request", toNodeHandler(auth));
  return url;
}

/** Signs up a new user. */
async function signUp(authUrl: string, name: string): Promise<SignedUp> {
  const response = await fetch(`${authUrl}/api/auth/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: authUrl },
    body: JSON.stringify({ name, email: `${name}@example.com`, password: "correct horse battery" }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  const cookies = response.headers.getSetCookie().map((cookie) => /^([^=]*)=([^;]*)/.exec(cookie)?.slice(1) ?? []);
  const { user } = (await response.json()) as { user: { id: string } };
  return { id: user.id, cookies: Object.fromEntries(cookies) };
}

async function tokenOf(authUrl: string, { cookies }: SignedUp): Promise<string> {
  const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join("; ");
  const response = await fetch(`${authUrl}/api/auth/token`, { headers: { cookie } });
  assert.equal(response.status, 200, await response.clone().text());
  return ((await response.json()) as { token: string }).token;
}

const call = (api: string, token: string, init: RequestInit = {}) =>
  fetch(`${api}/api/tasks`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });

const keyIdOf = (token: string): unknown => JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid;

async function usersReachTheirTasks(api: string, authUrl: string): Promise<SignedUp> {
  const alice = await signUp(authUrl, "alice");
  const bob = await signUp(authUrl, "bob");
  const token = await tokenOf(authUrl, alice);
  const created = await call(api, token, { method: "POST", body: '{"title":"from Better Auth"}' });
  assert.equal(created.status, 201, await created.clone().text());
  assert.equal(((await created.json()) as { user_id: string }).user_id, alice.id);
  assert.equal(((await (await call(api, token)).json()) as object[]).length, 1);
  const others = await call(api, await tokenOf(authUrl, bob));
  assert.deepEqual(await others.json(), []);
  console.log("ok: users sign up, get a token and reach their own tasks");
  return alice;
}

async function otherCredentialsAreRefused(api: string, { cookies }: SignedUp): Promise<void> {
  const session = decodeURIComponent(cookies["better-auth.session_token"] ?? "");
  const data = cookies["better-auth.session_data"];
  assert.ok(session && data, "Better Auth sets both cookies");
  for (const credential of [session, session.split(".")[0] ?? "", data, decodeURIComponent(data)]) {
    assert.equal((await call(api, credential)).status, 401, credential);
  }
  console.log("ok: the session token and the session_data cookie are refused");
}

async function rotationLosesNothing(api: string, authUrl: string, tables: Tables, user: SignedUp): Promise<void> {
  const old = await tokenOf(authUrl, user);
  let requests = 0;
  const flow = async (token: string) => {
    const response = await call(api, token);
    requests += 1;
    assert.equal(response.status, 200, `request ${requests}: ${await response.text()}`);
  };
  const many = (token: string) => Promise.all(Array.from({ length: 50 }, () => flow(token)));
  await many(old);
  // Forces a new key for the next signature.
  for (const key of tables.jwks) key.expiresAt = new Date(Date.now() - 1000);
  const [fresh] = await Promise.all([tokenOf(authUrl, user), many(old)]);
  assert.notEqual(keyIdOf(fresh), keyIdOf(old), "the key was rotated");
  await Promise.all([many(fresh), many(old), many(await tokenOf(authUrl, user))]);
  console.log(`ok: a key was rotated, and none of ${requests} requests failed`);
}

try {
  const tables: Tables = { user: [], session: [], account: [], verification: [], jwks: [] };
  const auth = await startBetterAuth(tables);
  const withKeySet = await startApi({ JWKS_URL: `${auth}/api/auth/jwks`, JWT_ISSUER: auth, JWT_AUDIENCE: auth });
  const alice = await usersReachTheirTasks(withKeySet, auth);
  await otherCredentialsAreRefused(withKeySet, alice);
  await rotationLosesNothing(withKeySet, auth, tables, alice);

  // With the same secret that signs the session_data cookie.
  const withSecret = await startApi({ BETTER_AUTH_SECRET: secret });
  await otherCredentialsAreRefused(withSecret, alice);
} finally {
  stopAll();
}
console.log("4 passed, 0 failed");
