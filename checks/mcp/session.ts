// Replays a session from a file, and compares what is left of it through the rest of the API.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { clientFor, expectData } from "../openapi/client.js";
import { tokenFor } from "../server.js";
import type { Arguments } from "./client.js";
import { here } from "./programs.js";
import { connectEither } from "./sdk.js";

interface Session {
  turns: { says: string; tool: string; arguments: Arguments; reply: unknown }[];
  /** The tasks, and those in the trash, in the order of the API's lists. */
  expected: { tasks: unknown[]; trash: unknown[] };
}

/** The values of names. */
type Known = Map<string, string>;

const isName = (text: string) => /^\$\w+$/.test(text);

/** Puts the values in place of their names. */
function filled(value: unknown, known: Known): unknown {
  if (typeof value === "string") return isName(value) ? (known.get(value) ?? assert.fail(value)) : value;
  if (Array.isArray(value)) return value.map((item) => filled(item, known));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filled(member, known)]));
}

/** Learns the values of new names from a reply. Returns what the reply must be. */
function learned(expected: unknown, actual: unknown, known: Known): unknown {
  if (typeof expected === "string" && typeof actual === "string") {
    if (expected === "*") return actual;
    if (!isName(expected)) return expected;
    if (!known.has(expected)) known.set(expected, actual);
    return known.get(expected);
  }
  if (Array.isArray(expected)) {
    const items: unknown[] = Array.isArray(actual) ? actual : [];
    return expected.map((item, index) => learned(item, items[index], known));
  }
  if (typeof expected !== "object" || expected === null) return expected;
  const members = new Map(typeof actual === "object" && actual !== null ? Object.entries(actual) : []);
  return Object.fromEntries(Object.entries(expected).map(([name, item]) => [name, learned(item, members.get(name), known)]));
}

export async function replay(api: string): Promise<string> {
  const session = JSON.parse(readFileSync(`${here}session.json`, "utf8")) as Session;
  const [user, known] = ["session", new Map<string, string>()];
  const client = await connectEither(api, tokenFor(user), "pinned");
  await client.tools();
  for (const { says, tool, arguments: args, reply } of session.turns) {
    const { structured } = await client.call(tool, filled(args, known) as Arguments);
    assert.deepEqual(structured, learned(reply, structured, known), says);
  }
  await client.close();
  assert.equal(new Set(known.values()).size, known.size, "different names have different values");

  const rest = clientFor(api, user);
  const tasks = expectData(await rest.GET("/api/tasks"));
  const trash = expectData(await rest.GET("/api/tasks", { params: { query: { status: "deleted" } } }));
  const actual = { tasks, trash };
  assert.deepEqual(actual, learned(session.expected, actual, known));
  return `${session.turns.length} turns`;
}
