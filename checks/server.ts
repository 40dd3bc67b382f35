// Starts the API for a check, with its own environment.
import { spawn, spawnSync } from "node:child_process";
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

/** Where the API and its DynamoDB are. */
export interface Backend {
  api: string;
  dynamodb: string;
}

/** Starts the API on free ports, with an empty database in memory. */
export async function startBackend(settings: Settings = {}, ...more: string[]): Promise<Backend> {
  const options = ["serve", "--port", "0", "--dynamodb-port", "0", "--in-memory", "--no-build", ...more];
  const backend = spawn(program, options, { cwd: repository, env: environment(settings), stdio: ["ignore", "pipe", "inherit"] });
  onStop(() => backend.kill("SIGTERM"));
  const [listening, database] = ["listening on ", "DynamoDB on "];
  let api = "";
  for await (const line of createInterface({ input: backend.stdout })) {
    if (line.startsWith(listening)) api = line.slice(listening.length);
    if (line.startsWith(database)) {
      backend.stdout.resume();
      return { api, dynamodb: line.slice(database.length) };
    }
  }
  throw new Error("the API did not start");
}

/** Starts the API as `startBackend` does, and returns its URL. */
export async function startApi(settings: Settings = {}, ...more: string[]): Promise<string> {
  return (await startBackend(settings, ...more)).api;
}

/** What a command has said. */
interface Done {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs another command of the program. */
export const runLocal = (...options: string[]): Done => runWith({}, ...options);

function runWith(settings: Settings, ...options: string[]): Done {
  const done = spawnSync(program, options, { cwd: repository, env: environment(settings), encoding: "utf8" });
  if (done.error) throw done.error;
  return done;
}

/** A token for a user, signed with the published development secret, for an API with `settings`. */
export function tokenFor(user: string, settings: Settings = {}, ...options: string[]): string {
  const { status, stdout, stderr } = runWith(settings, "token", user, ...options);
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}
