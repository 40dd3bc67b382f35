// Schemathesis sends what the document allows and what it forbids, and checks
// each reply against the document. `schemathesis.toml` configures it.
// Run with `npm ci && npm run fuzz`, after `cargo build --workspace`. Needs Python
// 3.11 or newer. Arguments after `--` are passed to Schemathesis.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { prepare } from "../python.js";
import { repository, startApi, stopAll, tokenFor } from "../server.js";

const here = `${repository}checks/openapi/`;

const schemathesis = `${prepare(here)}schemathesis`;
const document = process.env["TASKS_API_DOCUMENT"] ?? `${repository}openapi.yaml`;
const api = await startApi();

/** Runs Schemathesis and returns the number of cases, its output, and whether it passed. */
function run(...more: string[]): { cases: number; output: string; passed: boolean } {
  const options = ["--config-file", "schemathesis.toml", "run", document, "--url", api, ...more];
  const tokens = { TOKEN: tokenFor("alice"), OTHER_TOKEN: tokenFor("bob"), ERASED_TOKEN: tokenFor("carol") };
  const env = { ...process.env, ...tokens, ERASED_USER: "carol" };
  const done = spawnSync(schemathesis, options, { cwd: here, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (done.error) throw done.error;
  const cases = Number(done.stdout.match(/(\d+) generated/)?.[1] ?? 0);
  return { cases, output: done.stdout, passed: done.status === 0 };
}

/**
 * More stateful tests. Schemathesis stops them, without a failure, when a repeated
 * scenario takes another course than before. A list whose tasks have changed meanwhile
 * is enough for that, so there are several short runs instead of a long one.
 */
function runStateful(runs: number): boolean {
  let cases = 0;
  for (let seed = 1; seed <= runs; seed += 1) {
    const done = run("--phases", "stateful", "--seed", String(seed));
    cases += done.cases;
    if (!done.passed) {
      console.log(done.output);
      return false;
    }
  }
  // A run that ends early must not count as passed.
  assert.ok(cases >= 500, `only ${cases} stateful cases`);
  console.log(`ok: ${cases} more cases in ${runs} stateful runs`);
  return true;
}

try {
  const options = process.argv.slice(2);
  const { cases, output, passed } = run(...options);
  console.log(output);
  if (options.length === 0) assert.ok(cases >= 1000, `only ${cases} cases`);
  process.exitCode = passed && (options.length > 0 || runStateful(10)) ? 0 : 1;
} finally {
  stopAll();
}
