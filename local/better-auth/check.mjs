// A real Better Auth server signs users in, and the local API takes its tokens.
// Run with `npm ci && npm run check`, after `cargo build --workspace`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const secret = "a-secret-for-this-check-only-0123456789";

/** Starts Better Auth on a free port. `database` holds its tables. */
async function startBetterAuth(database) {
  let handler;
  const server = createServer((request, response) => handler(request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const auth = betterAuth({
    baseURL: url,
    secret,
    database: memoryAdapter(database),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    // The session in a cookie that is itself a JWT, signed with the secret.
    session: { cookieCache: { enabled: true, strategy: "jwt" } },
    plugins: [jwt()],
    telemetry: { enabled: false },
  });
  handler = toNodeHandler(auth);
  return { url, close: () => server.close() };
}

/** Starts the local API with these settings, on free ports. */
async function startApi(settings) {
  const cleared = { BETTER_AUTH_SECRET: "", JWKS_URL: "", JWT_ISSUER: "", JWT_AUDIENCE: "", JWT_CLIENT_ID: "", AWS_ENDPOINT_URL_DYNAMODB: "" };
  const options = ["serve", "--port", "0", "--dynamodb-port", "0", "--in-memory", "--no-build"];
  const api = spawn("cargo", ["run", "-q", "--", ...options], {
    cwd: new URL("../..", import.meta.url),
    env: { ...process.env, ...cleared, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: api.stdout })) {
    if (line.startsWith("listening on ")) {
      return { url: line.slice("listening on ".length), close: () => api.kill("SIGTERM") };
    }
  }
  throw new Error("the API did not start");
}

/** Signs a new user up, and gives the cookies and the user's id. */
async function signUp(authUrl, name) {
  const response = await fetch(`${authUrl}/api/auth/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: authUrl },
    body: JSON.stringify({ name, email: `${name}@example.com`, password: "correct horse battery" }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  const cookies = Object.fromEntries(
    response.headers.getSetCookie().map((cookie) => cookie.split(";")[0].split(/=(.*)/s)),
  );
  return { id: (await response.json()).user.id, cookies };
}

async function tokenOf(authUrl, { cookies }) {
  const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join("; ");
  const response = await fetch(`${authUrl}/api/auth/token`, { headers: { cookie } });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).token;
}

const call = (api, token, init = {}) =>
  fetch(`${api.url}/api/tasks`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });

const keyIdOf = (token) => JSON.parse(Buffer.from(token.split(".")[0], "base64url")).kid;

async function usersReachTheirTasks(api, auth) {
  const alice = await signUp(auth.url, "alice");
  const bob = await signUp(auth.url, "bob");
  const token = await tokenOf(auth.url, alice);
  const created = await call(api, token, { method: "POST", body: '{"title":"from Better Auth"}' });
  assert.equal(created.status, 201, await created.clone().text());
  assert.equal((await created.json()).user_id, alice.id);
  assert.equal((await (await call(api, token)).json()).length, 1);
  const others = await call(api, await tokenOf(auth.url, bob));
  assert.deepEqual(await others.json(), []);
  console.log("ok: users sign up, get a token and reach their own tasks");
  return alice;
}

async function otherCredentialsAreRefused(api, user) {
  const session = decodeURIComponent(user.cookies["better-auth.session_token"]);
  const data = user.cookies["better-auth.session_data"];
  assert.ok(session && data, "Better Auth sets both cookies");
  for (const credential of [session, session.split(".")[0], data, decodeURIComponent(data)]) {
    assert.equal((await call(api, credential)).status, 401, credential);
  }
  console.log("ok: the session token and the session_data cookie are refused");
}

async function rotationLosesNothing(api, auth, database, user) {
  const old = await tokenOf(auth.url, user);
  let requests = 0;
  const flow = async (token) => {
    const response = await call(api, token);
    requests += 1;
    assert.equal(response.status, 200, `request ${requests}: ${await response.text()}`);
  };
  const many = (token) => Promise.all(Array.from({ length: 50 }, () => flow(token)));
  await many(old);
  // The next signature needs a new key.
  for (const key of database.jwks) key.expiresAt = new Date(Date.now() - 1000);
  const [fresh] = await Promise.all([tokenOf(auth.url, user), many(old)]);
  assert.notEqual(keyIdOf(fresh), keyIdOf(old), "the key was rotated");
  await Promise.all([many(fresh), many(old), many(await tokenOf(auth.url, user))]);
  console.log(`ok: a key was rotated, and none of ${requests} requests was lost`);
}

const database = { user: [], session: [], account: [], verification: [], jwks: [] };
const auth = await startBetterAuth(database);
const running = [auth];
try {
  const withKeySet = await startApi({
    JWKS_URL: `${auth.url}/api/auth/jwks`,
    JWT_ISSUER: auth.url,
    JWT_AUDIENCE: auth.url,
  });
  running.push(withKeySet);
  const alice = await usersReachTheirTasks(withKeySet, auth);
  await otherCredentialsAreRefused(withKeySet, alice);
  await rotationLosesNothing(withKeySet, auth, database, alice);

  // With the very secret that signs the session_data cookie.
  const withSecret = await startApi({ BETTER_AUTH_SECRET: secret });
  running.push(withSecret);
  await otherCredentialsAreRefused(withSecret, alice);
} finally {
  for (const server of running) server.close();
}
console.log("4 passed, 0 failed");
process.exit(0);
