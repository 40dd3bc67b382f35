// Replies stay small enough for a model, whatever the tasks say.
import assert from "node:assert/strict";
import { type NewTask, type Operation, type Task, clientFor, expectData } from "../openapi/client.js";
import { tokenFor } from "../server.js";
import { uuidv7 } from "../sync/ids.js";
import type { Arguments } from "./client.js";
import { current, send, toolCall } from "./wire.js";

const TASKS = 1000;

/** The most tokens in a reply, and an estimate of how many bytes are one. */
const [MOST_TOKENS, BYTES_PER_TOKEN] = [25_000, 3];

/** Few enough for a slow machine: a batch has three seconds. */
const BATCH = 20;

/** More of these tasks than ever fit into a reply, but not so many more that it takes long. */
const PAGE = 20;

/** The most tasks in a call. */
const CALL = 25;

const [TITLE, DESCRIPTION, LABEL, LABELS] = [200, 1000, 50, 20];

/** The last two grow most in JSON: JSON in JSON makes four bytes of a quote. */
const ALPHABETS = ["The quick brown fox ", "敏捷的棕色狐狸跳过了懒狗", "🦊👩‍👩‍👧🐕🌍", 'say "\\o/" é 狐 🦊 ', "\"", "\\"];

/** So many characters of an alphabet, from its beginning. */
const text = (alphabet: string, length: number): string =>
  [...alphabet.repeat(length)].slice(0, length).join("").replace(/ $/, ".");

/** The longest task of an alphabet; its title and its labels are its own. */
function longest(index: number): NewTask {
  const alphabet = ALPHABETS[Math.floor((index * ALPHABETS.length) / TASKS)] ?? "";
  const own = (length: number, number: number) => `${number}`.padStart(4, "0") + text(alphabet, length - 4);
  return {
    title: own(TITLE, index),
    description: text(alphabet, DESCRIPTION),
    priority: "medium",
    // Only some have them, because the list of one page takes long enough without.
    labels: index % 8 === 0 ? Array.from({ length: LABELS }, (_, number) => own(LABEL, number)) : [],
    due: { local: "2027-02-10T09:00:00.123", time_zone: "America/Argentina/ComodRivadavia" },
  };
}

/** Adds the tasks. Returns their ids. */
async function seed(api: string, user: string): Promise<string[]> {
  const client = clientFor(api, user);
  const operations = Array.from({ length: TASKS }, (_, index): Operation => ({ op: "create", id: uuidv7(), task: longest(index) }));
  for (let from = 0; from < TASKS; from += BATCH) {
    const body = { operations: operations.slice(from, from + BATCH) };
    const { results } = expectData(await client.POST("/api/batch", { body }));
    for (const result of results) assert.equal(result.status, 201, JSON.stringify(result));
  }
  return operations.map(({ id }) => id);
}

/** The largest reply of each kind, in bytes. */
type Sizes = Map<string, number>;

type Ask = <T>(kind: string, tool: string, args: Arguments) => Promise<T>;

/** Calls tools, and notes the sizes of the whole replies. */
const asking = (api: string, token: string, sizes: Sizes): Ask => async <T>(kind: string, tool: string, args: Arguments) => {
  const { status, body } = await send(api, toolCall(token, tool, args));
  assert.equal(status, 200, body);
  sizes.set(kind, Math.max(sizes.get(kind) ?? 0, Buffer.byteLength(body)));
  const { result } = JSON.parse(body) as { result: { structuredContent: T } };
  return result.structuredContent;
};

/** Each of the ids is there once, and in this order. */
function assertSame(actual: string[], expected: string[]): void {
  assert.equal(actual.length, expected.length);
  assert.equal(actual.findIndex((id, index) => id !== expected[index]), -1);
}

interface Found {
  tasks: Pick<Task, "id">[];
  next_cursor?: string;
  remaining_ids?: string[];
}

/** Follows the cursors to the end. */
async function readAll(ask: Ask): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let [pages, cursor]: [number, string | null | undefined] = [0, null];
  while (cursor !== undefined) {
    const found: Found = await ask<Found>("find_tasks", "find_tasks", { cursor, limit: PAGE });
    ids.push(...found.tasks.map(({ id }) => id));
    cursor = found.next_cursor;
    pages += 1;
  }
  return { ids, pages };
}

/** Reads tasks by their ids, until all are there. */
async function readEach(ask: Ask, ids: string[]): Promise<void> {
  const read: string[] = [];
  for (let wanted = ids; wanted.length > 0; ) {
    const found: Found = await ask<Found>("find_tasks with ids", "find_tasks", { ids: wanted });
    assert.notEqual(found.tasks.length, 0);
    read.push(...found.tasks.map(({ id }) => id));
    wanted = found.remaining_ids ?? [];
  }
  // A task that is shorter may come before one for which there was no room.
  assertSame(read.sort(), [...ids].sort());
}

/** Changes tasks of each alphabet, as many as fit into a call, with success and without. */
async function changeAll(ask: Ask, ids: string[]): Promise<void> {
  const tools = ["complete_tasks", "reopen_tasks", "delete_tasks", "restore_tasks"];
  const each = Math.floor(TASKS / ALPHABETS.length);
  for (let from = 0; from + CALL <= TASKS; from += each) {
    const some = ids.slice(from, from + CALL);
    await readEach(ask, some);
    for (const tool of tools) await ask(tool, tool, { ids: some });
    const { due, ...others } = longest(from);
    await ask("update_tasks", "update_tasks", { tasks: some.map((id) => ({ id, ...others, due })) });
    await ask("update_tasks, refused", "update_tasks", { tasks: some.map((id) => ({ id, revision: "old", ...others })) });
    const long = `${text(others.title.slice(4), TITLE)}!`;
    const wrong = { title: long, description: null, labels: [long], due: { date: long } };
    await ask("add_tasks, refused", "add_tasks", { tasks: some.map(() => wrong) });
  }
}

/** Measures every reply. */
export async function measure(api: string): Promise<string> {
  const [user, sizes]: [string, Sizes] = ["sizes", new Map()];
  const token = tokenFor(user);
  const ids = await seed(api, user);
  const list = await send(api, current(token, "tools/list"));
  sizes.set("tools/list", Buffer.byteLength(list.body));
  const ask = asking(api, token, sizes);
  const newest = await readAll(ask);
  assertSame(newest.ids, [...ids].sort().reverse());
  await changeAll(ask, ids);
  for (let index = 0; index < TASKS; index += TASKS / 4) {
    await ask("add_tasks", "add_tasks", { tasks: Array.from({ length: CALL }, (_, more) => longest(index + more)) });
  }
  const rows = [...sizes].map(([reply, bytes]) => ({ reply, bytes, tokens: Math.ceil(bytes / BYTES_PER_TOKEN) }));
  console.table(rows);
  for (const { reply, tokens } of rows) assert.ok(tokens <= MOST_TOKENS, `${reply}: ${tokens} tokens`);
  return `${TASKS} tasks in ${newest.pages} pages; the largest reply has ${Math.max(...rows.map(({ tokens }) => tokens))} tokens`;
}
