// RxDB's replication with this API.
import type { RxCollection, RxConflictHandler, RxJsonSchema, RxReplicationWriteToMasterRow, WithDeleted } from "rxdb/plugins/core";
import { replicateRxCollection } from "rxdb/plugins/replication";
import { type Api, type Task, readChanges } from "./feed.js";
import { uuidv7 } from "./ids.js";

/** A task on the device. Until the server has replied, it has no `etag`, and its first state as `draft`. */
export type LocalTask = Partial<Omit<Task, "deleted_at">> & { id: string; title: string; etag?: string; draft?: Edits };

/** What the user can edit. */
const FIELDS = ["title", "description", "completed", "priority", "due_date"] as const;

type Edits = Partial<Pick<Task, (typeof FIELDS)[number]>>;
type Stored = WithDeleted<LocalTask>;
type Row = RxReplicationWriteToMasterRow<LocalTask>;
type Checkpoint = { token: string };
type Reply = { data?: Task | undefined; error?: object | undefined; response: Response };

const text = { type: "string" };
const optional = { type: ["string", "null"] };
const id = { type: "string", maxLength: 36 };

export const taskSchema: RxJsonSchema<LocalTask> = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: {
    id,
    etag: text,
    user_id: text,
    title: text,
    description: optional,
    completed: { type: "boolean" },
    priority: optional,
    due_date: optional,
    due: { type: ["object", "null"] },
    labels: { type: "array", items: text },
    created_at: text,
    updated_at: text,
    completed_at: optional,
    draft: { type: "object" },
  },
};

/** Makes a task to insert. Its id is final. */
export function newTask(fields: Edits & { title: string }): LocalTask {
  const draft = { description: null, completed: false, priority: null, due_date: null, ...fields };
  return { id: uuidv7(), ...draft, draft };
}

/** Returns the fields of `task` that `base` has otherwise. */
function edits(base: Edits, task: Edits): Edits {
  const changed = FIELDS.filter((field) => task[field] !== undefined && task[field] !== base[field]);
  return Object.fromEntries(changed.map((field) => [field, task[field]]));
}

const isSame = (base: Edits, task: Edits): boolean => Object.keys(edits(base, task)).length === 0;

/** Merges by field. An edit beats a deletion by another device. */
export const conflictHandler: RxConflictHandler<LocalTask> = {
  isEqual: (a, b) => a.etag === b.etag && a._deleted === b._deleted && isSame(a, b),
  resolve: async ({ assumedMasterState, newDocumentState: mine, realMasterState: theirs }) => {
    const base = assumedMasterState ?? { ...mine, ...mine.draft };
    if (theirs._deleted) return mine._deleted || base._deleted || isSame(base, mine) ? theirs : mine;
    if (!mine._deleted) return { ...theirs, ...edits(base, mine) };
    const isEdited = !isSame(mine, edits(base, theirs));
    return isEdited ? theirs : { ...theirs, _deleted: true };
  },
};

const stored = ({ deleted_at, ...task }: Task, etag: string | null): Stored => ({
  ...task,
  etag: etag ?? "",
  _deleted: deleted_at !== undefined,
});

const tombstone = (id: string) => ({ id, _deleted: true }) as Stored;

/** Returns the task as the server has it, by a reply to a request about `task`. */
function current(task: Stored, { data, error, response }: Reply): Stored {
  if (response.status === 404 || response.status === 409) return { ...task, _deleted: true };
  const found = data ?? (error && "current" in error ? (error.current as Task) : undefined);
  if (!found) throw new Error(`${response.url} replied ${response.status}`);
  return stored(found, response.headers.get("ETag"));
}

class Handlers {
  constructor(
    private readonly api: Api,
    private readonly tasks: RxCollection<LocalTask>,
  ) {}

  async pull(token: string | undefined, enough: number) {
    const { changes, token: next, isAnew } = await readChanges(this.api, token, enough);
    const documents = changes.map((change) => ("task" in change ? stored(change.task, change.etag) : tombstone(change.id)));
    if (isAnew) {
      const ids = changes.map(({ id }) => id);
      const others = await this.tasks.find({ selector: { etag: { $exists: true }, id: { $nin: ids } } }).exec();
      documents.push(...others.map(({ id }) => tombstone(id)));
    }
    return { documents, checkpoint: next ? { token: next } : undefined };
  }

  /** Sends a task. Returns it as the server has it if that is not what RxDB expects. */
  async push({ assumedMasterState: base, newDocumentState: task }: Row): Promise<Stored[]> {
    const path = { task_id: task.id };
    if (!base) return this.create(task);
    if (base._deleted) {
      if (task._deleted) return [];
      return [current(base, await this.api.POST("/api/tasks/{task_id}/restore", { params: { path } }))];
    }
    if (!task._deleted && isSame(base, task)) return [];
    const params = { path, header: { "If-Match": base.etag ?? "*" } };
    const reply: Reply = task._deleted
      ? await this.api.DELETE("/api/tasks/{task_id}", { params })
      : await this.api.PUT("/api/tasks/{task_id}", { params, body: edits(base, task) });
    return reply.response.ok ? [] : [current(base, reply)];
  }

  /** The reply, whatever it is, goes through the conflict handler, and so does the `etag`. */
  private async create(task: Stored): Promise<Stored[]> {
    const path = { task_id: task.id };
    // A new task is pending. If the user has completed it, an update follows.
    const { completed, ...body } = edits({}, task);
    const reply: Reply = task._deleted
      ? await this.api.GET("/api/tasks/{task_id}", { params: { path } }) // An earlier attempt may have created it.
      : await this.api.PUT("/api/tasks/{task_id}", { params: { path, header: { "If-None-Match": "*" } }, body });
    return [current({ ...task, ...task.draft }, reply)];
  }
}

/** Keeps the tasks up to date until it is cancelled. `retryTime` is in milliseconds. */
export function replicateTasks(tasks: RxCollection<LocalTask>, api: Api, { retryTime = 5000, batchSize = 100 } = {}) {
  const handlers = new Handlers(api, tasks);

  // RxDB drops what it pulls of a task while it pushes it (its issue 5571), and the feed does
  // not bring that twice. So a pull waits for all pushes, and counts only if none began.
  async function pull(checkpoint: Checkpoint | undefined, enough: number) {
    for (;;) {
      const pushes = replication.internalReplicationState?.streamQueue.up;
      await pushes;
      const pulled = await handlers.pull(checkpoint?.token, enough);
      if (pushes === replication.internalReplicationState?.streamQueue.up) return pulled;
    }
  }

  const replication = replicateRxCollection<LocalTask, Checkpoint>({
    collection: tasks,
    replicationIdentifier: "tasks-api",
    retryTime,
    // A pause loses changes if there are several batches to push.
    toggleOnDocumentVisible: false,
    pull: { batchSize, handler: pull },
    // A batch is one request, so that only this is repeated.
    push: { batchSize: 1, handler: async (rows) => (await Promise.all(rows.map((row) => handlers.push(row)))).flat() },
  });
  return replication;
}
