// What a frontend does with its tasks, written against the types generated from the
// document. A mistake in the document does not compile.
// Run with `npm ci && npm run check:openapi`, after `cargo build --workspace`.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "../generated/api.js";
import { startApi, stopAll } from "../server.js";
import { uuidv7 } from "../sync/ids.js";
import { erase, takeAlong } from "./account.js";
import {
  type Api,
  type NewTask,
  type Operation,
  type OperationResult,
  type Task,
  clientFor,
  expectData,
  expectProblem,
  invalidFields,
  nextPage,
} from "./client.js";

type ListQuery = paths["/api/tasks"]["get"]["parameters"]["query"];

const unique = () => crypto.randomUUID();

const etagOf = (response: Response): string => {
  const etag = response.headers.get("ETag");
  assert.ok(etag, "a task comes with its ETag");
  return etag;
};

async function create(api: Api): Promise<void> {
  const body = { title: "Äpfel pflücken", priority: "high", due_date: "2027-02-10" } as const;
  const header = { "Idempotency-Key": unique() };
  const first = await api.POST("/api/tasks", { params: { header }, body });
  const task = expectData(first);
  assert.equal(first.response.status, 201);
  assert.equal(first.response.headers.get("Location"), `/api/tasks/${task.id}`);
  assert.equal(task.due_date, "2027-02-10T00:00:00.000Z");
  assert.equal(task.description, null);
  assert.equal(task.completed, false);

  const again = await api.POST("/api/tasks", { params: { header }, body });
  assert.equal(again.response.headers.get("Idempotency-Replayed"), "true");
  assert.deepEqual(again.data, task);
  const reused = await api.POST("/api/tasks", { params: { header }, body: { title: "Birnen" } });
  assert.equal(expectProblem(reused).status, 422);

  const invalid = await api.POST("/api/tasks", { body: { title: " ", due_date: "soon" } });
  assert.equal(expectProblem(invalid).status, 400);
  assert.deepEqual(invalidFields(invalid), ["title", "due_date"], "each invalid field is listed");
  console.log("ok: create a task once, however often it is sent");
}

/** The parameters in the target of a `Link`. */
function queryOf({ searchParams }: URL): ListQuery {
  const query: Record<string, unknown> = Object.fromEntries(searchParams);
  for (const name of ["label", "priority"]) query[name] = searchParams.getAll(name);
  return query;
}

/** Follows `Link` from page to page. */
async function* pages(api: Api, query: ListQuery) {
  for (let next: ListQuery | undefined = query; next; ) {
    const page = await api.GET("/api/tasks", { params: { query: next } });
    yield expectData(page);
    const target: URL | undefined = nextPage(page.response);
    // A frontend would fetch the target unchanged; here it goes through the types again.
    next = target && queryOf(target);
  }
}

async function list(api: Api): Promise<void> {
  const tasks = [
    { title: "zebra", due_date: "2027-03-01" },
    { title: "Äpfel" },
    { title: "banana", due_date: "2027-03-02T09:00+01:00" },
    { title: "apple", due_date: "2027-03-03" },
    { title: "Éclair" },
  ];
  const created: Task[] = [];
  for (const body of tasks) created.push(expectData(await api.POST("/api/tasks", { body })));
  const zebra = created[0];
  assert.ok(zebra);
  const path = { task_id: zebra.id };
  expectData(await api.PATCH("/api/tasks/{task_id}/complete", { params: { path }, body: { completed: true } }));

  const titles: string[] = [];
  let count = 0;
  for await (const page of pages(api, { sort: "title", status: "pending", limit: 2 })) {
    assert.ok(page.length <= 2);
    titles.push(...page.map(({ title }) => title));
    count += 1;
  }
  assert.deepEqual(titles, ["Äpfel", "apple", "banana", "Éclair"]);
  assert.equal(count, 2);

  const query = { sort: "due_date", due_after: "2027-03-01", due_before: "2027-03-03", order: "desc" } as const;
  const due = expectData(await api.GET("/api/tasks", { params: { query } }));
  assert.deepEqual(due.map(({ title }) => title), ["banana", "zebra"]);

  const wrong = await api.GET("/api/tasks", { params: { query: { due_after: "2027-03-01" } } });
  assert.equal(expectProblem(wrong).detail, "due_after needs sort=due_date");
  console.log("ok: list with status, sort and pages");
}

async function filter(api: Api): Promise<void> {
  const tasks: NewTask[] = [
    { title: "Äpfel pflücken", priority: "high", labels: ["Garten"] },
    { title: "Call Zoë", description: "About the Café", priority: "low", labels: ["garten", "asap"] },
    { title: "Empty the coffee machine", priority: "medium" },
  ];
  for (const body of tasks) expectData(await api.POST("/api/tasks", { body }));
  const [apples, call, coffee] = tasks.map(({ title }) => title);

  // A page of one task, so a `Link` has to keep the filter. The last page may be empty.
  const found = async (query: ListQuery) => {
    const titles: string[] = [];
    for await (const page of pages(api, { sort: "title", limit: 1, ...query })) titles.push(...page.map(({ title }) => title));
    return titles;
  };
  assert.deepEqual(await found({ label: ["GARTEN"] }), [apples, call]);
  assert.deepEqual(await found({ label: ["garten", "asap"] }), [call], "all of the labels");
  assert.deepEqual(await found({ priority: ["medium", "high"] }), [apples, coffee], "any of the priorities");
  assert.deepEqual(await found({ q: "cafe zoe" }), [call], "words of the title and of the description");
  assert.deepEqual(await found({ q: "c", priority: ["high"], status: "pending" }), [apples]);
  assert.deepEqual(await found({ q: "tea" }), []);

  const empty = await api.GET("/api/tasks", { params: { query: { q: " " } } });
  assert.equal(expectProblem(empty).detail, "q must contain a word");
  const first = await api.GET("/api/tasks", { params: { query: { label: ["garten"], limit: 1 } } });
  const cursor = nextPage(first.response)?.searchParams.get("cursor");
  assert.ok(cursor);
  const other = await api.GET("/api/tasks", { params: { query: { label: ["asap"], cursor } } });
  assert.equal(expectProblem(other).detail, "cursor must be a cursor that this API returned for the same list");
  console.log("ok: filter a list by labels, priorities and words");
}

/** What a frontend shows. The types know which member comes with which other. */
function shown(due: Task["due"]): string {
  if (!due) return "some day";
  if ("date" in due) return due.date;
  if ("instant" in due) return new Date(due.instant).toLocaleString("sv", { timeZone: "America/Chicago" });
  return "time_zone" in due ? `${due.local} in ${due.time_zone}` : due.local;
}

async function today(api: Api): Promise<void> {
  const tasks: NewTask[] = [
    { title: "day", due: { date: "2027-02-10" } },
    { title: "floating", due: { local: "2027-02-10T23:30" } },
    { title: "zoned", due: { local: "2027-02-11T06:00:00", time_zone: "europe/berlin" } },
    { title: "moment", due: { instant: "2027-02-11T05:59:59+00:00" } },
    // In Chicago, the first is due on the day before, and the others on the day after.
    { title: "in Kiritimati", due: { local: "2027-02-10T09:00:00", time_zone: "Pacific/Kiritimati" } },
    { title: "tomorrow", due: { date: "2027-02-11" } },
    { title: "at midnight", due: { instant: "2027-02-11T06:00:00Z" } },
  ];
  const created: Task[] = [];
  for (const body of tasks) created.push(expectData(await api.POST("/api/tasks", { body })));
  const [day, floating, zoned, moment] = created;
  assert.ok(day && floating && zoned && moment);
  assert.deepEqual([day, floating, zoned, moment].map(({ due }) => shown(due)), [
    "2027-02-10",
    "2027-02-10T23:30:00",
    "2027-02-11T06:00:00 in Europe/Berlin",
    "2027-02-10 23:59:59",
  ]);
  assert.deepEqual([day, floating, zoned, moment].map(({ due_date }) => due_date), [
    "2027-02-10T00:00:00.000Z",
    "2027-02-10T23:30:00.000Z",
    "2027-02-11T05:00:00.000Z",
    "2027-02-11T05:59:59.000Z",
  ]);

  const titles: string[] = [];
  const query = { sort: "due_date", due_after: "2027-02-10", due_before: "2027-02-11", limit: 2 } as const;
  for await (const page of pages(api, { ...query, time_zone: "America/Chicago" })) titles.push(...page.map(({ title }) => title));
  assert.deepEqual(titles, ["day", "floating", "zoned", "moment"]);

  const on = (date: string) => ({ date, at: `${date}T00:00:00.000Z` });
  assert.deepEqual(day.due, on("2027-02-10"));
  assert.deepEqual([floating, zoned, moment].map(({ due, due_date }) => due?.at === due_date), [true, true, true]);

  // A client that only knows `due_date` sends back what it got, and a newer one edits `due`.
  const path = { task_id: day.id };
  const save = async (body: NewTask) => expectData(await api.PUT("/api/tasks/{task_id}", { params: { path }, body })).due;
  const { due, ...old } = day;
  assert.deepEqual(await save({ ...old, title: "a day" }), on("2027-02-10"));
  assert.deepEqual(await save({ ...day, due: { date: "2027-02-12" } }), on("2027-02-12"));
  assert.equal(await save({ title: "no day", due: null }), undefined);

  // An old client sends `due` along without knowing it, twice, because the first reply was lost.
  const moved = { ...day, due_date: "2027-02-13" };
  assert.deepEqual([await save(moved), await save(moved)], [on("2027-02-13"), on("2027-02-13")]);
  // Its copy still has the first `due` when the user edits the date again, and then removes it.
  assert.deepEqual(await save({ ...moved, due_date: "2027-02-14" }), on("2027-02-14"));
  assert.equal(await save({ ...moved, due_date: null }), undefined);

  const both = { title: "both", due: { date: "2027-02-15" }, due_date: "2027-02-16" };
  assert.deepEqual(expectData(await api.POST("/api/tasks", { body: both })).due, on("2027-02-15"));
  const copy = expectData(await api.POST("/api/tasks", { body: moved }));
  assert.deepEqual(copy.due, on("2027-02-13"));
  const late = { title: "late", due: { date: "2027-02-10", at: "later" } };
  assert.deepEqual(invalidFields(await api.POST("/api/tasks", { body: late })), ["due.at"]);
  const nowhere = { title: "nowhere", due: { local: "2027-02-10T09:00:00", time_zone: "Berlin" } };
  assert.deepEqual(invalidFields(await api.POST("/api/tasks", { body: nowhere })), ["due.time_zone"]);
  const alone = await api.GET("/api/tasks", { params: { query: { time_zone: "America/Chicago" } } });
  assert.equal(expectProblem(alone).detail, "time_zone needs due_after or due_before");
  console.log("ok: list what is due today in a time zone");
}

async function edit(api: Api): Promise<void> {
  const body = { title: "Buy milk", description: "Two bottles", priority: "low" } as const;
  const created = await api.POST("/api/tasks", { body });
  const path = { task_id: expectData(created).id };
  const stale = etagOf(created.response);

  // Only the title is sent, so everything else stays.
  const header = { "If-Match": stale };
  const edited = await api.PUT("/api/tasks/{task_id}", { params: { path, header }, body: { title: "Buy oat milk" } });
  const task = expectData(edited);
  assert.deepEqual([task.title, task.description, task.priority], ["Buy oat milk", "Two bottles", "low"]);
  const current = etagOf(edited.response);
  assert.notEqual(current, stale);

  // Somebody else still has the old version.
  const lost = await api.PUT("/api/tasks/{task_id}", { params: { path, header }, body: { title: "Buy wine" } });
  assert.equal(expectProblem(lost).status, 412);
  assert.equal(expectProblem(lost).detail, "The task has changed: its current version does not meet If-Match or If-None-Match");

  // Null clears.
  const cleared = await api.PUT("/api/tasks/{task_id}", {
    params: { path, header: { "If-Match": current } },
    body: { description: null },
  });
  assert.deepEqual(expectData(cleared).description, null);
  assert.equal(expectData(cleared).priority, "low");

  // A whole task may be sent back.
  const whole = { ...expectData(cleared), title: "Buy oat milk again" };
  assert.equal(expectData(await api.PUT("/api/tasks/{task_id}", { params: { path }, body: whole })).title, whole.title);

  // An unchanged task is not sent again.
  const read = await api.GET("/api/tasks/{task_id}", { params: { path } });
  const known = { "If-None-Match": etagOf(read.response) };
  const unchanged = await api.GET("/api/tasks/{task_id}", { params: { path, header: known } });
  assert.equal(unchanged.response.status, 304);
  console.log("ok: edit a task without overwriting somebody else's edit");
}

async function complete(api: Api): Promise<void> {
  const path = { task_id: expectData(await api.POST("/api/tasks", { body: { title: "Call Ana" } })).id };
  const set = (completed: boolean) =>
    api.PATCH("/api/tasks/{task_id}/complete", { params: { path }, body: { completed } });
  const first = expectData(await set(true));
  assert.ok(first.completed && first.completed_at);
  // Safe to repeat: the time stays.
  assert.equal(expectData(await set(true)).completed_at, first.completed_at);
  assert.equal(expectData(await set(false)).completed_at, null);
  // Without a body it flips.
  const flip = () => api.PATCH("/api/tasks/{task_id}/complete", { params: { path } });
  assert.equal(expectData(await flip()).completed, true);
  assert.equal(expectData(await flip()).completed, false);
  console.log("ok: complete a task, and make it pending again");
}

async function remove(api: Api, other: Api): Promise<void> {
  const path = { task_id: expectData(await api.POST("/api/tasks", { body: { title: "Old news" } })).id };
  const forbidden = await other.DELETE("/api/tasks/{task_id}", { params: { path } });
  assert.equal(expectProblem(forbidden).detail, "Not authorized to access this task");
  const deleted = await api.DELETE("/api/tasks/{task_id}", { params: { path } });
  assert.equal(deleted.response.status, 204);
  const gone = await api.GET("/api/tasks/{task_id}", { params: { path } });
  assert.equal(expectProblem(gone).status, 404);
  assert.equal(expectProblem(gone).detail, "Task not found");
  console.log("ok: delete only one's own task");
}

async function send(api: Api, operations: Operation[]): Promise<OperationResult[]> {
  const { results } = expectData(await api.POST("/api/batch", { body: { operations } }));
  assert.equal(results.length, operations.length);
  return results;
}

/** Says what a result is about. The types know what comes with each status. */
function said(result: OperationResult): string {
  switch (result.status) {
    case 200:
    case 201:
      return `${result.status} ${result.task.title}`;
    case 204:
      return "204";
    case 400:
      return `400 ${"errors" in result.problem ? result.problem.errors[0]?.field : result.problem.detail}`;
    case 412:
      return `412 ${result.problem.current.title}`;
    default:
      return `${result.status} ${result.problem.detail}`;
  }
}

async function goOnline(api: Api): Promise<void> {
  const add = async (title: string) => {
    const created = await api.POST("/api/tasks", { body: { title } });
    return { id: expectData(created).id, etag: etagOf(created.response) };
  };
  const [edited, done, old, rescued] = [await add("Buy milk"), await add("Call Ana"), await add("Old news"), await add("Photos")];
  await api.DELETE("/api/tasks/{task_id}", { params: { path: { task_id: rescued.id } } });

  // What the user did without a connection.
  const operations: Operation[] = [
    { op: "create", id: uuidv7(), task: { title: "Äpfel", due_date: "2027-02-10", priority: "high" } },
    { op: "create", id: uuidv7(), task: { title: "Birnen" } },
    { op: "update", id: edited.id, if_match: edited.etag, changes: { title: "Buy oat milk", description: null } },
    { op: "set_completed", id: done.id, completed: true },
    { op: "delete", id: old.id },
    { op: "restore", id: rescued.id },
  ];
  const first = await send(api, operations);
  assert.deepEqual(first.map(said), ["201 Äpfel", "201 Birnen", "200 Buy oat milk", "200 Call Ana", "204", "200 Photos"]);
  const [apples, , milk, call] = first;
  assert.ok(apples?.status === 201 && milk?.status === 200 && call?.status === 200);
  assert.deepEqual([apples.task.id, apples.task.due_date], [operations[0]?.id, "2027-02-10T00:00:00.000Z"]);
  assert.ok(call.task.completed && call.task.completed_at);
  const read = await api.GET("/api/tasks/{task_id}", { params: { path: { task_id: edited.id } } });
  assert.deepEqual([milk.task, milk.etag], [expectData(read), etagOf(read.response)]);
  const state = async () =>
    expectData(await api.GET("/api/tasks")).map(({ updated_at, ...task }) => task);
  const after = await state();
  assert.equal(after.length, 5);

  // The reply was lost, say. Sent again as a whole, the batch ends in the same state.
  const again = await send(api, operations);
  const expected = ["200 Äpfel", "200 Birnen", "412 Buy oat milk", "200 Call Ana", "404 Task not found", "200 Photos"];
  assert.deepEqual(again.map(said), expected);
  assert.deepEqual(await state(), after);
  const conflict = again[2];
  assert.ok(conflict?.status === 412);
  assert.deepEqual([conflict.problem.current, conflict.etag], [milk.task, milk.etag]);

  // One operation fails, the others do not.
  const mixed = await send(api, [
    { op: "create", id: uuidv7(), task: { title: " " } },
    { op: "update", id: edited.id, if_match: conflict.etag, changes: { title: "Buy wine" } },
    { op: "delete", id: old.id, permanent: true },
    { op: "update", id: done.id, if_match: "1", changes: { priority: "low" } },
  ]);
  const invalidTag = "400 if_match must be * or a list of entity tags in double quotes";
  assert.deepEqual(mixed.map(said), ["400 title", "200 Buy wine", "204", invalidTag]);

  // Two writes of one task have no order.
  const twice: Operation[] = [{ op: "delete", id: done.id }, { op: "restore", id: done.id }];
  const refused = await api.POST("/api/batch", { body: { operations: twice } });
  assert.equal(refused.response.status, 400);
  assert.deepEqual(invalidFields(refused), ["operations[1].id"]);
  console.log("ok: send what was done offline in one request, and again");
}

const baseUrl = await startApi();
try {
  const user = (name: string): Api => clientFor(baseUrl, name);
  await create(user("alice"));
  await list(user("bob"));
  await filter(user("heidi"));
  await today(user("ivan"));
  await edit(user("carol"));
  await complete(user("dave"));
  await remove(user("erin"), user("frank"));
  await goOnline(user("grace"));
  await takeAlong(user("judy"));
  await erase(user("ken"), "ken");
  const anonymous = await createClient<paths>({ baseUrl }).GET("/api/tasks");
  assert.equal(expectProblem(anonymous).detail, "Not authenticated: send Authorization: Bearer <token>");
} finally {
  stopAll();
}
console.log("10 passed, 0 failed");
