// What a frontend does with its tasks, written against the types generated from the
// document. A mistake in the document does not compile.
// Run with `npm ci && npm run check:openapi`, after `cargo build --workspace`.
import assert from "node:assert/strict";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "../generated/api.js";
import { startApi, stopAll, tokenFor } from "../server.js";

type Api = Client<paths>;
type Task = components["schemas"]["Task"];

const unique = () => crypto.randomUUID();

/** Returns the data of a reply that must not be an error. */
function expectData<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  assert.ok(data !== undefined, `${response.status} ${JSON.stringify(error)}`);
  return data;
}

/** Returns the problem in a reply. The gateway's own replies have no `detail`. */
function expectProblem<T extends object>({ error, response }: { error?: T; response: Response }): Extract<T, { detail: string }> {
  assert.ok(error && "detail" in error, `${response.status} ${JSON.stringify(error)}`);
  return error as Extract<T, { detail: string }>;
}

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

  const invalid = expectProblem(await api.POST("/api/tasks", { body: { title: " ", due_date: "soon" } }));
  assert.equal(invalid.status, 400);
  assert.ok("errors" in invalid, "each invalid field is listed");
  assert.deepEqual(invalid.errors.map(({ field }) => field), ["title", "due_date"]);
  console.log("ok: create a task once, however often it is sent");
}

/** Follows `Link` from page to page. */
async function* pages(api: Api, query: paths["/api/tasks"]["get"]["parameters"]["query"]) {
  for (let next: typeof query | undefined = query; next; ) {
    const page = await api.GET("/api/tasks", { params: { query: next } });
    yield expectData(page);
    const target: string | undefined = page.response.headers.get("Link")?.match(/^<([^>]*)>; rel="next"$/)?.[1];
    // A frontend would fetch the target unchanged; here it goes through the types again.
    next = target ? Object.fromEntries(new URL(target, page.response.url).searchParams) : undefined;
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
  console.log("ok: list with filter, sort and pages");
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

const baseUrl = await startApi();
try {
  const user = (name: string): Api =>
    createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${tokenFor(name)}` } });
  await create(user("alice"));
  await list(user("bob"));
  await edit(user("carol"));
  await complete(user("dave"));
  await remove(user("erin"), user("frank"));
  const anonymous = await createClient<paths>({ baseUrl }).GET("/api/tasks");
  assert.equal(expectProblem(anonymous).detail, "Not authenticated: send Authorization: Bearer <token>");
} finally {
  stopAll();
}
console.log("5 passed, 0 failed");
