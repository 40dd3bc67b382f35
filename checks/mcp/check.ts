// Programs that nobody here wrote use the tools of `POST /mcp`: the conformance suite, the
// Inspector and the official clients, of both generations of the protocol.
// Run with `npm ci && npm run check:mcp`, after `cargo build --workspace`. Needs Python 3.11 or
// newer.
import { startApi, stopAll, tokenFor } from "../server.js";
import type { McpClient } from "./client.js";
import { conform } from "./conformance.js";
import { inspect } from "./inspector.js";
import { discover } from "./oauth.js";
import { install } from "./programs.js";
import { connectPython } from "./python.js";
import { sendRaw } from "./raw.js";
import { connectEither, connectOlder } from "./sdk.js";
import { replay } from "./session.js";
import { measure } from "./sizes.js";
import { tour } from "./tour.js";

const rows: { step: string; seconds: number; result: string }[] = [];

/** Runs a step, and notes how long it took. */
async function step(name: string, run: () => Promise<string>): Promise<void> {
  const from = performance.now();
  const result = await run();
  rows.push({ step: name, seconds: Math.round((performance.now() - from) / 100) / 10, result });
  console.log(`ok: ${name}: ${result}`);
}

/** Every official client, in every mode that it has. */
async function tours(api: string): Promise<string> {
  const modes = ["legacy", "auto", "pinned"] as const;
  const clients: [string, (token: string) => Promise<McpClient>][] = [
    ["TypeScript 1", (token) => connectOlder(api, token)],
    ["Python 1", (token) => connectPython(api, token, 1, "legacy")],
    ...modes.flatMap((mode): typeof clients => [
      [`TypeScript 2, ${mode}`, (token) => connectEither(api, token, mode)],
      [`Python 2, ${mode}`, (token) => connectPython(api, token, 2, mode)],
    ]),
  ];
  let calls = 0;
  for (const [name, connect] of clients) {
    const client = await connect(tokenFor(name));
    calls += await tour(client);
    await client.close();
    console.log(`ok: ${name}`);
  }
  return `${calls} calls in ${clients.length} ways`;
}

// Takes half a minute the first time, and meanwhile there is enough to do.
const installed = install();
installed.catch(() => {});
const api = await startApi();
try {
  await step("raw requests", () => sendRaw(api));
  await step("where tokens come from", () => discover(api));
  await step("session", () => replay(api));
  await step("sizes", () => measure(api));
  await installed;
  await step("conformance suite", () => conform(api));
  await step("inspector", () => inspect(api));
  await step("official clients", () => tours(api));
} finally {
  stopAll();
}
console.table(rows);
console.log(`${rows.length} passed, 0 failed`);
