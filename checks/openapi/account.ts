// What a person does with everything at once: takes it along, and erases it.
import assert from "node:assert/strict";
import type { paths } from "../generated/api.js";
import { uuidv7 } from "../sync/ids.js";
import { type Api, type NewTask, type Operation, type Task, expectData, invalidFields, nextPage } from "./client.js";

type ExportQuery = NonNullable<paths["/api/export"]["get"]["parameters"]["query"]>;
type EraseQuery = paths["/api/account-data"]["delete"]["parameters"]["query"];

/**
 * The parameters in the target of a `Link`. A frontend would send the target unchanged; here it
 * goes through the types again.
 */
function queryOf<Query extends ExportQuery | EraseQuery>({ searchParams }: URL): Query {
  const query: Record<string, unknown> = Object.fromEntries(searchParams);
  return query as Query;
}

/** The pages of an export, with their types. */
async function pages(api: Api, query: ExportQuery): Promise<{ text: string; type: string | null }[]> {
  // As they are, with the byte order mark.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const read = (query: ExportQuery) => api.GET("/api/export", { params: { query }, parseAs: "arrayBuffer" });
  const all = [];
  for (let next: ExportQuery | undefined = query; next; ) {
    const page = await read(next);
    const { headers, status } = page.response;
    assert.equal(status, 200);
    assert.equal(headers.get("Content-Disposition"), `attachment; filename="tasks.${query.format}"`);
    all.push({ text: decoder.decode(page.data), type: headers.get("Content-Type") });
    const target = nextPage(page.response);
    next = target && queryOf<ExportQuery>(target);
  }
  return all;
}

/** Reads CSV. */
function rowsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

const COLUMNS = [
  "id", "title", "description", "completed", "priority", "labels", "due", "due_time_zone", "due_date",
  "created_at", "updated_at", "completed_at", "deleted_at",
];

async function createAll(api: Api, tasks: NewTask[]): Promise<Task[]> {
  const created: Task[] = [];
  for (const body of tasks) created.push(expectData(await api.POST("/api/tasks", { body })));
  return created;
}

export async function takeAlong(api: Api): Promise<void> {
  const labels = ["home", "a, b"];
  const [formula, call, old] = await createAll(api, [
    { title: "=1+1", description: 'She said "no",\r\nand left', priority: "high", labels },
    { title: "Call Zoë", due: { local: "2027-02-10T09:00:00", time_zone: "Europe/Berlin" } },
    { title: "Old news", due: { date: "2027-02-10" } },
  ]);
  assert.ok(formula && call && old);
  await api.DELETE("/api/tasks/{task_id}", { params: { path: { task_id: old.id } } });

  const tasks = expectData(await api.GET("/api/export"));
  assert.ok(Array.isArray(tasks), "JSON, if no format is asked for");
  const byId = new Map(tasks.map((task) => [task.id, task]));
  assert.deepEqual([...byId.keys()], [formula.id, call.id, old.id].sort());
  assert.deepEqual([byId.get(formula.id), byId.get(call.id)], [formula, call]);
  const deletedAt = byId.get(old.id)?.deleted_at;
  assert.ok(deletedAt, "the trash is part of it");

  // For a spreadsheet, in pages of one task.
  const csv = await pages(api, { format: "csv", limit: 1 });
  const [first, ...others] = csv.map(({ type }) => type);
  assert.equal(first, "text/csv; charset=utf-8; header=present");
  assert.deepEqual(new Set(others), new Set(["text/csv; charset=utf-8; header=absent"]));
  const file = csv.map(({ text }) => text).join("");
  assert.equal(file[0], "\uFEFF");
  const [columns, ...rows] = rowsOf(file.slice(1));
  assert.deepEqual(columns, COLUMNS);
  assert.deepEqual(rows.map(([id]) => id), [...byId.keys()]);
  const cells = (task: Task, ...names: string[]) =>
    names.map((name) => rows.find(([id]) => id === task.id)?.[COLUMNS.indexOf(name)]);
  assert.deepEqual(cells(formula, "title", "description"), ["'=1+1", 'She said "no",\r\nand left']);
  assert.deepEqual(rowsOf(`${cells(formula, "labels")[0]}\r\n`), [labels]);
  assert.deepEqual(cells(formula, "completed", "priority", "due", "due_date"), ["false", "high", "", ""]);
  const due = ["2027-02-10T09:00:00", "Europe/Berlin", "2027-02-10T08:00:00.000Z"];
  assert.deepEqual(cells(call, "due", "due_time_zone", "due_date"), due);
  assert.deepEqual(cells(old, "due", "due_time_zone", "deleted_at"), ["2027-02-10", "", deletedAt]);

  // For a calendar: what is not deleted.
  const calendar = await pages(api, { format: "ics" });
  assert.deepEqual(calendar.map(({ type }) => type), ["text/calendar; charset=utf-8"]);
  const lines = calendar.flatMap(({ text }) => text.split("\r\n"));
  assert.deepEqual([lines[0], lines.at(-2), lines.at(-1)], ["BEGIN:VCALENDAR", "END:VCALENDAR", ""]);
  assert.equal(lines.filter((line) => line === "BEGIN:VTODO").length, 2);
  assert.ok(lines.includes("SUMMARY:Call Zoë"));
  assert.ok(lines.includes("DUE;TZID=Europe/Berlin:20270210T090000"));
  assert.ok(lines.includes("TZID:Europe/Berlin"), "the calendar says what its time zone is");

  // What was taken along can be brought back.
  const operations = tasks.map((task): Operation => ({ op: "create", id: uuidv7(), task }));
  const { results } = expectData(await api.POST("/api/batch", { body: { operations } }));
  assert.deepEqual(results.map(({ status }) => status), [201, 201, 201]);

  const refused = async (query: ExportQuery) => invalidFields(await api.GET("/api/export", { params: { query } }));
  assert.deepEqual(await refused({ limit: 0 }), ["limit"]);
  assert.deepEqual(await refused({ cursor: "x" }), ["cursor"]);
  console.log("ok: export everything as JSON, CSV and a calendar, and bring it back");
}

export async function erase(api: Api, user: string): Promise<void> {
  const created = await createAll(api, [{ title: "Buy milk" }, { title: "Call Ana" }, { title: "Old news" }]);
  const ids = created.map(({ id }) => id).sort();
  await api.DELETE("/api/tasks/{task_id}", { params: { path: { task_id: created[2]?.id ?? "" } } });
  const since = expectData(await api.GET("/api/changes")).next;
  const send = (query: EraseQuery) => api.DELETE("/api/account-data", { params: { query } });

  for (const confirm of ["", "somebody-else"]) {
    const refused = await send({ confirm });
    assert.equal(refused.response.status, 400);
    assert.deepEqual(invalidFields(refused), ["confirm"]);
  }
  const exported = async () => expectData(await api.GET("/api/export"));
  assert.equal((await exported()).length, 3, "nothing was erased");

  // The second time is a repetition, say because the reply was lost.
  for (let times = 0; times < 2; times += 1) {
    for (let next: EraseQuery | undefined = { confirm: user }; next; ) {
      const part = await send(next);
      const target = nextPage(part.response);
      if (part.response.status === 202) assert.deepEqual(part.data, { remaining: true });
      else assert.equal(part.response.status, 204);
      assert.equal(part.response.status === 202, target !== undefined);
      next = target && queryOf<EraseQuery>(target);
    }
    assert.deepEqual(await exported(), []);
  }
  assert.deepEqual(expectData(await api.GET("/api/tasks", { params: { query: { status: "deleted" } } })), []);

  // Other devices are told, and nothing of what was in the tasks.
  const { changes } = expectData(await api.GET("/api/changes", { params: { query: { since } } }));
  assert.ok(changes.every((change) => "deleted_at" in change));
  assert.deepEqual(changes.map(({ id }) => id).sort(), ids);
  console.log("ok: erase everything, and again");
}
