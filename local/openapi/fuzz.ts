// Schemathesis sends what the document allows and what it forbids, and compares
// each reply with the document. `schemathesis.toml` says how.
// Run with `npm ci && npm run fuzz`, after `cargo build --workspace`; it needs
// Python 3.11 or newer. What stands behind `--` goes to Schemathesis.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { here, repository, startApi, tokenFor } from "./server.js";

/** A virtual environment in `.venv` with exactly the pinned packages. */
function prepare(): string {
  const [pinned, venv] = [`${here}requirements.txt`, `${here}.venv`];
  const installed = `${venv}/installed.txt`;
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== readFileSync(pinned, "utf8")) {
    rmSync(venv, { recursive: true, force: true });
    execFileSync("python3", ["-m", "venv", venv], { stdio: "inherit" });
    const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", pinned];
    execFileSync(`${venv}/bin/python`, pip, { stdio: "inherit" });
    copyFileSync(pinned, installed);
  }
  return `${venv}/bin/schemathesis`;
}

const schemathesis = prepare();
const document = process.env["TASKS_API_DOCUMENT"] ?? `${repository}openapi.yaml`;
const server = await startApi();

/** Gives the output, unless that goes to the terminal, and whether all is well. */
function run(output: "inherit" | "pipe", ...more: string[]): { output: string; passed: boolean } {
  const options = ["--config-file", "schemathesis.toml", "run", document, "--url", server.url, ...more];
  const env = { ...process.env, TOKEN: tokenFor("alice"), OTHER_TOKEN: tokenFor("bob") };
  const done = spawnSync(schemathesis, options, { cwd: here, env, encoding: "utf8", stdio: ["ignore", output, "inherit"] });
  return { output: done.stdout ?? "", passed: done.status === 0 };
}

/**
 * More stateful tests. Schemathesis ends them, without a failure, when a scenario
 * that it repeats goes another way than before. A list that meanwhile has other
 * tasks is enough for that; so there are several short runs instead of a long one.
 */
function runStateful(runs: number): boolean {
  let cases = 0;
  for (let seed = 1; seed <= runs; seed += 1) {
    const { output, passed } = run("pipe", "--phases", "stateful", "--seed", String(seed));
    cases += Number(output.match(/(\d+) generated/)?.[1] ?? 0);
    if (!passed) {
      console.log(output);
      return false;
    }
  }
  console.log(`ok: ${cases} more cases in ${runs} stateful runs`);
  return true;
}

try {
  const options = process.argv.slice(2);
  const passed = run("inherit", ...options).passed && (options.length > 0 || runStateful(10));
  process.exitCode = passed ? 0 : 1;
} finally {
  server.close();
}
