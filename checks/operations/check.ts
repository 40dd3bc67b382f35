// Runs scripts/rollback.sh and scripts/restore.sh with the real AWS CLI against a stand-in
// of AWS (stand_in.py), and scripts/check-build.sh. The files of tests run at the same time.
// Run with `npm ci && npm run check:operations`. Needs Python 3.11 or newer. Arguments after
// `--` are passed to unittest, such as -k canary.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { prepare } from "../python.js";
import { repository } from "../server.js";

const here = `${repository}checks/operations/`;
const python = `${prepare(here)}python`;

/** Runs a file of tests, and returns its exit code. */
async function run(file: string): Promise<number> {
  const tests = spawn(python, ["-m", "unittest", file, ...process.argv.slice(2)], { cwd: here, stdio: "inherit" });
  const [code] = await once(tests, "exit");
  // Python's code for "no tests ran" (5), which is what -k may leave of a file.
  return code === 5 && process.argv.length > 2 ? 0 : (code ?? 1);
}

const codes = await Promise.all(["test_restore", "test_rollback", "test_check_build"].map(run));
process.exitCode = Math.max(...codes);
