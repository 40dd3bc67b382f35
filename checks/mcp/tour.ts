// What every client does: each tool once, and a call that is refused.
import assert from "node:assert/strict";
import type { Arguments, McpClient } from "./client.js";

export const TOOLS = [
  "find_tasks", "add_tasks", "update_tasks", "complete_tasks", "reopen_tasks", "delete_tasks", "restore_tasks",
];

/** What tools report that change tasks. */
interface Report {
  done: number;
  not_done: number;
  results: { outcome: string; id?: string; title?: string; revision?: string; error?: string }[];
}

interface Found {
  tasks: { id: string; title: string; completed: boolean; labels?: string[]; due?: object; revision: string }[];
}

/** Calls a tool. It must succeed, and its text must say the same as its data. */
async function expectDone<T>(client: McpClient, tool: string, args: Arguments): Promise<T> {
  const { isError, text, structured } = await client.call(tool, args);
  assert.ok(!isError, text);
  assert.deepEqual(JSON.parse(text), structured);
  return structured as T;
}

async function change(client: McpClient, tool: string, args: Arguments, count: number): Promise<Report["results"]> {
  const report = await expectDone<Report>(client, tool, args);
  assert.deepEqual([report.done, report.not_done, report.results.length], [count, 0, count]);
  return report.results;
}

async function refusals(client: McpClient): Promise<void> {
  const unknown = await client.call("find_tasks", { colour: "red" });
  assert.ok(unknown.isError);
  assert.match(unknown.text, /colour/);
  // Nothing is done, but each task has a result.
  const id = "018f0000-0000-7000-8000-000000000000";
  const failed = await client.call("complete_tasks", { ids: [id] });
  assert.ok(failed.isError);
  const { results } = JSON.parse(failed.text) as Report;
  assert.deepEqual(results.map(({ id, outcome }) => [id, outcome]), [[id, "failed"]]);
}

/** Calls each of the tools for a user without tasks. Returns how many calls that were. */
export async function tour(client: McpClient): Promise<number> {
  assert.deepEqual(await client.tools(), TOOLS);
  const tasks = [
    { title: "Read “Ulysses” – 尤利西斯 📚", labels: ["Books"], due: { date: "2027-02-10" } },
    { title: "Water the plants", priority: "low", description: null },
  ];
  const added = await change(client, "add_tasks", { tasks, idempotency_key: "tour" }, 2);
  const [first = "", second = ""] = added.map(({ id }) => id);
  const found = await expectDone<Found>(client, "find_tasks", { query: "ulysses", labels: ["Books"] });
  assert.deepEqual(found.tasks.map(({ id, title }) => [id, title]), [[first, tasks[0]?.title]]);

  const revision = found.tasks[0]?.revision;
  await change(client, "update_tasks", { tasks: [{ id: first, revision, due: null, labels: ["Fun"] }] }, 1);
  await change(client, "complete_tasks", { ids: [first, second] }, 2);
  await change(client, "reopen_tasks", { ids: [second] }, 1);
  await change(client, "delete_tasks", { ids: [first, second] }, 2);
  await change(client, "restore_tasks", { ids: [first] }, 1);
  await refusals(client);

  const { tasks: left } = await expectDone<Found>(client, "find_tasks", {});
  assert.deepEqual(
    left.map(({ id, completed, labels, due }) => ({ id, completed, labels, due })),
    [{ id: first, completed: true, labels: ["Fun"], due: undefined }],
  );
  return 10;
}
