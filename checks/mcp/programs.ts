// Programs that need a newer Node than the checks. They have a package and a lock file of their
// own, because npm would put their Node before that of all other checks.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { onStop, repository } from "../server.js";

export const here = `${repository}checks/mcp/`;
const folder = `${here}programs`;

/** What a program has said. */
export interface Done {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program until it ends. */
function finish(program: string, options: string[]): Promise<Done> {
  const child = spawn(program, options, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  onStop(() => child.kill());
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => (said[name] += text));
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, ...said }));
  });
}

/** Installs exactly the packages of the lock file. None of their scripts is needed. */
export async function install(): Promise<void> {
  const [locked, installed] = [`${folder}/package-lock.json`, `${folder}/node_modules/installed.json`];
  if (existsSync(installed) && readFileSync(installed, "utf8") === readFileSync(locked, "utf8")) return;
  // npm would warn that the packages need a newer Node, which is among them.
  const options = ["ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error"];
  const { status, stderr } = await finish("npm", options);
  assert.equal(status, 0, stderr);
  copyFileSync(locked, installed);
}

/** Runs one of the programs. */
export function run(program: "conformance" | "inspector", options: string[]): Promise<Done> {
  const bin = `${folder}/node_modules/.bin/`;
  // There is a Node for the usual machines. On others, the one that runs the checks must do.
  const node = existsSync(`${bin}node`) ? `${bin}node` : process.execPath;
  return finish(node, [`${bin}${program}`, ...options]);
}
