// What the browser talks to: the local API, and pages of other origins.
import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** This folder. What runs is compiled into `generated/`. */
export const here = fileURLToPath(new URL("..", import.meta.url));

export const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** The program as `cargo build --workspace` leaves it, or another one. */
const program = process.env["TASKS_API_LOCAL"] ?? `${repository}target/debug/local`;

// The published development secret, whatever the environment says.
const cleared = { BETTER_AUTH_SECRET: "", JWKS_URL: "", JWT_ISSUER: "", JWT_AUDIENCE: "", JWT_CLIENT_ID: "", AWS_ENDPOINT_URL_DYNAMODB: "", RUST_LOG: "error" };
const env = { ...process.env, ...cleared };

const running: (() => void)[] = [];

/** Ends what was started here, and nothing else. */
export function stopAll(): void {
  for (const stop of running.splice(0)) stop();
}

/**
 * Starts the local API on free ports, for pages of one origin; for none in particular, as
 * it starts by default.
 */
export async function startApi(allowedOrigin: string, ...more: string[]): Promise<string> {
  const options = ["serve", "--port", "0", "--dynamodb-port", "0", "--in-memory", "--no-build", ...more];
  const api = spawn(program, options, {
    cwd: repository,
    env: { ...env, BETTER_AUTH_URL: allowedOrigin },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(() => api.kill("SIGTERM"));
  // Functions log a line for each request; what else there is, is worth reading.
  createInterface({ input: api.stderr }).on("line", (line) => {
    if (!line.includes('"level":')) console.error(line);
  });
  for await (const line of createInterface({ input: api.stdout })) {
    if (line.startsWith("listening on ")) {
      api.stdout.resume();
      return line.slice("listening on ".length);
    }
  }
  throw new Error("the API did not start");
}

/** Serves an empty page on this port (0: any free one) of `localhost`, and gives its origin. */
export async function startPage(port = 0): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end('<!doctype html><link rel="icon" href="data:,">');
  });
  await new Promise<void>((resolve, reject) => server.on("error", reject).listen(port, "127.0.0.1", resolve));
  running.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

/** A token for a user. */
export function tokenFor(user: string): string {
  return execFileSync(program, ["token", user], { cwd: repository, env, encoding: "utf8" }).trim();
}
