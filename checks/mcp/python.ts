// The official clients in Python, each in a process that is told what to call.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { prepare } from "../python.js";
import { onStop } from "../server.js";
import type { McpClient } from "./client.js";
import { here } from "./programs.js";
import type { Mode } from "./sdk.js";
import { CURRENT, OLDER } from "./wire.js";

/** Starts the client of a generation: 1.x or 2.x. */
export async function connectPython(api: string, token: string, generation: 1 | 2, mode: Mode): Promise<McpClient> {
  const folder = `${here}python${generation}/`;
  const options = [`${folder}client.py`, `${api}/mcp`, token, mode === "pinned" ? CURRENT : mode];
  const child = spawn(`${prepare(folder)}python`, options, { stdio: ["pipe", "pipe", "inherit"] });
  onStop(() => child.kill());
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    assert.ok(!done, "the Python client has failed");
    return JSON.parse(value) as T;
  };
  const ask = <T>(question: unknown): Promise<T> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return next<T>();
  };
  assert.equal(await next<string>(), mode === "legacy" ? OLDER : CURRENT);
  return {
    tools: () => ask(null),
    call: async (tool, args) => {
      const [isError, text, structured] = await ask<[boolean, string, unknown]>({ tool, arguments: args });
      return { isError, text, structured };
    },
    close: async () => {
      child.stdin.end();
      assert.equal(await ended, 0);
    },
  };
}
