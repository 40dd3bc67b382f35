// The conformance suite of the protocol, by those who write the specification. It knows the
// revisions that begin with `initialize`.
import assert from "node:assert/strict";
import { tokenFor } from "../server.js";
import { here, run } from "./programs.js";
import { startProxy } from "./proxy.js";

/** Scenarios that must pass, whatever the list of expected failures says. */
const REQUIRED = ["server-initialize", "ping", "tools-list", "dns-rebinding-protection"];

export async function conform(api: string): Promise<string> {
  const proxy = await startProxy(api, tokenFor("conformance"));
  const baseline = `${here}expected-failures.yml`;
  const options = ["server", "--url", `${proxy}/mcp`, "--suite", "all", "--expected-failures", baseline];
  const { status, stdout, stderr } = await run("conformance", options);
  assert.equal(status, 0, stdout + stderr);
  for (const scenario of REQUIRED) assert.match(stdout, new RegExp(`✓ ${scenario}: \\d+ passed, 0 failed`), stdout);
  const total = /\((\d+) scenarios\)/.exec(stdout)?.[1];
  return `${REQUIRED.length} of ${total} scenarios pass, the others as expected`;
}
