// The local API, for a check.
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** This folder. What runs is compiled into `generated/`. */
export const here = fileURLToPath(new URL("..", import.meta.url));

/** Where `openapi.yaml` is. */
export const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** The program as `cargo build --workspace` leaves it, or another one. */
const program = process.env["TASKS_API_LOCAL"] ?? `${repository}target/debug/local`;

// The published development secret, whatever the environment says. Refusals are
// what a check is after, so only errors are logged.
const cleared = { BETTER_AUTH_SECRET: "", JWKS_URL: "", JWT_ISSUER: "", JWT_AUDIENCE: "", JWT_CLIENT_ID: "", AWS_ENDPOINT_URL_DYNAMODB: "", RUST_LOG: "error" };
const env = { ...process.env, ...cleared };

/** Starts the local API on free ports, with an empty database in memory. */
export async function startApi(): Promise<{ url: string; close: () => void }> {
  const options = ["serve", "--port", "0", "--dynamodb-port", "0", "--in-memory", "--no-build"];
  const api = spawn(program, options, { cwd: repository, env, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: api.stdout })) {
    if (line.startsWith("listening on ")) {
      api.stdout.resume();
      return { url: line.slice("listening on ".length), close: () => void api.kill("SIGTERM") };
    }
  }
  throw new Error("the API did not start");
}

/** A token for a user. */
export function tokenFor(user: string): string {
  return execFileSync(program, ["token", user], { cwd: repository, env, encoding: "utf8" }).trim();
}
