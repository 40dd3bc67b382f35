// Python packages for the checks that use them.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";

/**
 * Creates a virtual environment in a folder's `.venv`, with exactly the packages that its
 * `requirements.txt` pins, and returns the path of its programs.
 */
export function prepare(folder: string): string {
  const [pinned, venv] = [`${folder}requirements.txt`, `${folder}.venv`];
  const installed = `${venv}/installed.txt`;
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== readFileSync(pinned, "utf8")) {
    rmSync(venv, { recursive: true, force: true });
    execFileSync("python3", ["-m", "venv", venv], { stdio: "inherit" });
    const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", pinned];
    execFileSync(`${venv}/bin/python`, pip, { stdio: "inherit" });
    copyFileSync(pinned, installed);
  }
  return `${venv}/bin/`;
}
