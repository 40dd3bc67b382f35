// Starts the API for a check, with its own environment.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The repository's folder. The checks are compiled into `checks/generated/`. */
export const repository = fileURLToPath(new URL("../..", import.meta.url));

/** The program as built by `cargo build --workspace`, or another one. */
const program = process.env["TASKS_API_LOCAL"] ?? `${repository}target/debug/local`;

/** Variables of the API, by name. */
type Settings = Record<string, string>;

/**
 * Passes none of the developer's variables, so that checks run the same everywhere, and
 * none from `.env`: an empty variable overrides it and counts as unset. Logs only errors,
 * because checks provoke rejected requests.
 */
function environment(settings: Settings): Settings {
  const file = `${repository}.env`;
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const names = [...text.matchAll(/^\s*(?:export\s+)?([\w.]+)\s*=/gm)].map(([, name]) => name);
  const unset = Object.fromEntries(names.map((name) => [name, ""]));
  return { ...unset, PATH: process.env["PATH"] ?? "", RUST_LOG: "error", ...settings };
}

const running: (() => void)[] = [];

/** Registers something that `stopAll` has to stop. */
export function onStop(stop: () => void): void {
  running.push(stop);
}

/** Stops what was started here, and nothing else. */
export function stopAll(): void {
  for (const stop of running.splice(0)) stop();
}

/** Starts the API on free ports, with an empty database in memory, and returns its URL. */
export async function startApi(settings: Settings = {}, ...more: string[]): Promise<string> {
  const options = ["serve", "--port", "0", "--dynamodb-port", "0", "--in-memory", "--no-build", ...more];
  const api = spawn(program, options, { cwd: repository, env: environment(settings), stdio: ["ignore", "pipe", "inherit"] });
  onStop(() => api.kill("SIGTERM"));
  for await (const line of createInterface({ input: api.stdout })) {
    if (line.startsWith("listening on ")) {
      api.stdout.resume();
      return line.slice("listening on ".length);
    }
  }
  throw new Error("the API did not start");
}

/** A token for a user, signed with the published development secret. */
export function tokenFor(user: string): string {
  return execFileSync(program, ["token", user], { cwd: repository, env: environment({}), encoding: "utf8" }).trim();
}
