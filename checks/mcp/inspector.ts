// The MCP Inspector, on the command line: a process for each call.
import assert from "node:assert/strict";
import { tokenFor } from "../server.js";
import type { McpClient, Result } from "./client.js";
import { type Done, run } from "./programs.js";
import { tour } from "./tour.js";

type Era = "legacy" | "auto" | "modern";

/** The exit code for a result with `isError`. */
const TOOL_IS_ERROR = 5;

const runner = (api: string, token: string, era: Era) => (method: string, ...options: string[]): Promise<Done> => {
  const how = ["--transport", "http", "--header", `Authorization: Bearer ${token}`, "--protocol-era", era];
  const always = ["--stored-auth-only", "--quiet", "--format", "json"];
  return run("inspector", ["--cli", `${api}/mcp`, ...how, ...always, "--method", method, ...options]);
};

function client(api: string, token: string, era: Era): McpClient {
  const ask = runner(api, token, era);
  return {
    tools: async () => {
      // Also looks for what some clients would not understand of the schemas.
      const { status, stdout, stderr } = await ask("tools/list", "--strict");
      assert.equal(status, 0, stderr);
      const { result } = JSON.parse(stdout) as { result: { tools: { name: string }[] } };
      return result.tools.map(({ name }) => name);
    },
    call: async (tool, args): Promise<Result> => {
      const { status, stdout, stderr } = await ask("tools/call", "--tool-name", tool, "--tool-args-json", JSON.stringify(args));
      assert.ok(status === 0 || status === TOOL_IS_ERROR, stderr);
      const { result } = JSON.parse(stdout) as {
        result: { isError?: boolean; content: { text: string }[]; structuredContent?: unknown };
      };
      assert.equal(result.isError === true, status === TOOL_IS_ERROR);
      return { isError: status !== 0, text: result.content[0]?.text ?? "", structured: result.structuredContent };
    },
    close: () => Promise.resolve(),
  };
}

export async function inspect(api: string): Promise<string> {
  const eras = ["legacy", "modern"] as const;
  const calls = await Promise.all(eras.map((era) => tour(client(api, tokenFor(`inspector-${era}`), era))));
  // Without a token that is accepted, it says so.
  const { status, stderr } = await runner(api, "none", "auto")("tools/list");
  assert.equal(status, 3, stderr);
  return `${calls.join(" and ")} calls, and the schemas`;
}
