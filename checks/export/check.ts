// Parsers that nobody here wrote read exported files: Python's csv, icalendar, and ical.js.
// Imported again, the files give the same tasks; so do the files of other programs.
// Run with `npm ci && npm run check:export`, after `cargo build --workspace`. Needs Python
// 3.11 or newer.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { type Api, type Operation, type Task, clientFor, expectData } from "../openapi/client.js";
import { startBackend, stopAll } from "../server.js";
import { uuidv7 } from "../sync/ids.js";
import { COLUMNS, asInCalendar, rowOf, toDoOf } from "./expected.js";
import {
  type Command,
  FORMATS,
  type Format,
  assertSame,
  bytes,
  commandsOf,
  download,
  inFolder,
  readAll,
  runPython,
  tasksIn,
  text,
} from "./files.js";
import { readOthers, writeWithOthers } from "./foreign.js";
import { HOSTILE, isCompleted, isDeleted } from "./tasks.js";

/** Few enough for many pages, and for several zones and long lines on each. */
const LIMIT = 9;

/** Few enough for a slow machine: a batch has three seconds. */
const BATCH = 20;

/** Makes the tasks. */
async function make(api: Api): Promise<void> {
  const ids = HOSTILE.map(uuidv7);
  const send = async (operations: Operation[], status: number) => {
    for (let from = 0; from < operations.length; from += BATCH) {
      const body = { operations: operations.slice(from, from + BATCH) };
      const { results } = expectData(await api.POST("/api/batch", { body }));
      for (const result of results) assert.equal(result.status, status, JSON.stringify(result));
    }
  };
  await send(HOSTILE.map((task, index): Operation => ({ op: "create", id: ids[index] ?? "", task })), 201);
  await send(ids.filter(isCompleted).map((id): Operation => ({ op: "set_completed", id, completed: true })), 200);
  await send(ids.filter(isDeleted).map((id): Operation => ({ op: "delete", id })), 204);
}

/** All files say the same of the same tasks, as a whole and in pages. Returns the tasks. */
async function compare(api: string, user: string): Promise<Task[]> {
  const whole = async (format: Format) => {
    const files = await download(api, user, format);
    assert.equal(files.length, 1);
    return files[0] ?? "";
  };
  const tasks = tasksIn(await whole("json"));
  const csv = await whole("csv");
  const pages = (format: Format) => download(api, user, format, LIMIT);
  assertSame((await pages("json")).flatMap(tasksIn), tasks);
  assert.ok(bytes(await pages("csv")).equals(bytes([csv])), "pages of a table are one file");
  const calendars = [await whole("ics"), ...(await pages("ics"))];

  const { rows, toDos } = readAll(csv, calendars);
  assertSame(rows, [COLUMNS, ...tasks.map(rowOf)]);
  const expected = tasks.filter((task) => !task.deleted_at).map(toDoOf);
  const [inWhole, ...inPages] = toDos;
  assertSame(inWhole ?? [], expected);
  assertSame(inPages.flat(), expected);
  console.log(`ok: ${tasks.length} tasks in a table, and ${expected.length} to-dos in ${calendars.length} calendars`);
  return tasks;
}

/** Without what an import changes: when it was, and for whom. */
const timeless = (file: string) => text(file).replace(/^(LAST-MODIFIED|DTSTAMP):.*/gm, "$1");
const content = ({ updated_at, user_id, ...task }: Task) => task;

/** The command writes the same files. Each of them gives the same tasks, also to another user. */
async function bringBack(api: string, dynamodb: string, user: string): Promise<void> {
  const run = commandsOf(user, dynamodb);
  const write = (by: Command, name: string) => {
    const files = { json: inFolder(`${name}.json`), csv: inFolder(`${name}.csv`), ics: inFolder(`${name}.ics`) };
    for (const file of Object.values(files)) assert.equal(by("export", "--force", file).status, 0);
    return files;
  };
  const first = write(run, "first");
  const pages = inFolder("pages.ics");
  writeFileSync(pages, bytes(await download(api, user, "ics", LIMIT)));
  for (const format of FORMATS) assert.ok(bytes([first[format]]).equals(bytes(await download(api, user, format))));
  const tasks = tasksIn(first.json);
  assert.equal(run("erase", "--yes").status, 0);
  assert.deepEqual(tasksIn(write(run, "erased").json), []);
  for (const format of FORMATS) {
    const by = format === "json" ? run : commandsOf(format, dynamodb);
    const expected = format === "ics" ? tasks.filter((task) => !task.deleted_at).map(asInCalendar) : tasks;
    // A file of several calendars.
    const file = format === "ics" ? pages : first[format];
    assert.deepEqual(by("import", file), { status: 0, said: [`${expected.length} tasks stored, 0 there already`] });
    const second = write(by, format);
    assertSame(tasksIn(second.json).map(content), expected.map(content));
    assert.equal(timeless(second.ics), timeless(first.ics));
  }
  const saved = inFolder("saved.csv");
  runPython("spreadsheet.py", [first.csv, saved]);
  const by = commandsOf("spreadsheet", dynamodb);
  assert.equal(by("import", saved).status, 0);
  assertSame(tasksIn(write(by, "spreadsheet").json).map(content), tasks.filter((_, index) => index % 3 === 0).map(content));
  console.log(`ok: export ${tasks.length} tasks, erase them, and import each file, also after a spreadsheet has saved it`);
}

const { api, dynamodb } = await startBackend();
try {
  await make(clientFor(api, "alice"));
  const tasks = await compare(api, "alice");
  assert.equal(tasks.length, HOSTILE.length);
  assert.deepEqual(await compare(api, "nobody"), []);
  await bringBack(api, dynamodb, "alice");
  writeWithOthers(tasks, dynamodb);
  readOthers(dynamodb);
} finally {
  stopAll();
}
console.log("6 passed, 0 failed");
