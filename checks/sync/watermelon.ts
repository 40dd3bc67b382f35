// WatermelonDB's synchronize with this API.
import { type Database, type DirtyRaw, Model, appSchema, tableSchema } from "@nozbe/watermelondb";
import { type SyncTableChangeSet, synchronize } from "@nozbe/watermelondb/sync/index.js";
import { setGenerator } from "@nozbe/watermelondb/utils/common/randomId/index.js";
import { type Api, type Operation, type Task, readChanges } from "./feed.js";
import { uuidv7 } from "./ids.js";

// The id of a new record is the id of its task.
setGenerator(uuidv7);

/** Until the feed has brought a task, its `etag` is empty. */
export const schema = appSchema({
  version: 1,
  tables: [
    tableSchema({
      name: "tasks",
      columns: [
        { name: "etag", type: "string" },
        { name: "user_id", type: "string" },
        { name: "title", type: "string" },
        { name: "description", type: "string", isOptional: true },
        { name: "completed", type: "boolean" },
        { name: "priority", type: "string", isOptional: true },
        { name: "due_date", type: "string", isOptional: true },
        // Both as JSON. A task that is not due has no `due`.
        { name: "due", type: "string" },
        { name: "labels", type: "string" },
        // WatermelonDB wants numbers under these two names.
        { name: "created_at", type: "number" },
        { name: "updated_at", type: "number" },
        { name: "completed_at", type: "string", isOptional: true },
      ],
    }),
  ],
});

export class LocalTask extends Model {
  static override table = "tasks";
}

/** What the user can edit. */
const FIELDS = ["title", "description", "completed", "priority", "due_date"] as const;

function pick(raw: DirtyRaw, fields: readonly string[]) {
  return Object.fromEntries(FIELDS.filter((field) => fields.includes(field)).map((field) => [field, raw[field]]));
}

const rawOf = (task: Task, etag: string): DirtyRaw => ({
  ...task,
  etag,
  due: task.due ? JSON.stringify(task.due) : "",
  labels: JSON.stringify(task.labels),
  created_at: Date.parse(task.created_at),
  updated_at: Date.parse(task.updated_at),
});

/** A write, and the statuses that mean that nothing is left to do. */
type Write = { operation: Operation; done: (number | undefined)[] };

function writeOf(raw: DirtyRaw): Write[] {
  const id: string = raw["id"];
  if (!raw["etag"]) {
    // A new task is pending. If the user has completed it, or if an earlier attempt created it
    // (200), the create is not all: the feed brings the task, and then the rest is an update.
    const { completed, title, ...others } = pick(raw, FIELDS);
    return [{ operation: { op: "create", id, task: { title, ...others } }, done: completed ? [] : [201] }];
  }
  const changes = pick(raw, raw["_changed"].split(","));
  if (Object.keys(changes).length === 0) return [];
  return [{ operation: { op: "update", id, if_match: raw["etag"], changes }, done: [200] }];
}

/** A deletion beats an edit by another device: there is no `if_match`. */
const deletionOf = (id: string): Write => ({ operation: { op: "delete", id }, done: [204, 404] });

class Handlers {
  constructor(
    private readonly database: Database,
    private readonly api: Api,
    private readonly batchSize: number,
  ) {}

  async pull() {
    const { changes, token, isAnew } = await readChanges(this.api, await this.database.localStorage.get<string>("token"));
    const tasks: SyncTableChangeSet = { created: [], updated: [], deleted: [] };
    for (const change of changes) {
      if ("task" in change) tasks.updated.push(rawOf(change.task, change.etag));
      else tasks.deleted.push(change.id);
    }
    // A replacement spares what was created on this device, and deletes what else is not there.
    const experimentalStrategy = isAnew ? "replacement" : "incremental";
    return { changes: { tasks }, timestamp: Date.now(), token, experimentalStrategy };
  }

  /** Sends the changes. What fails is rejected: WatermelonDB sends it again the next time. */
  async push({ created, updated, deleted }: SyncTableChangeSet) {
    const writes = [...[...created, ...updated].flatMap(writeOf), ...deleted.map(deletionOf)];
    const rejected: string[] = [];
    for (let begin = 0; begin < writes.length; begin += this.batchSize) {
      const batch = writes.slice(begin, begin + this.batchSize);
      const statuses = await this.send(batch.map(({ operation }) => operation));
      for (const [index, { operation, done }] of batch.entries()) {
        const status = statuses[index];
        if (operation.op === "create" && status === 409) await this.drop(operation.id);
        if (!done.includes(status)) rejected.push(operation.id);
      }
    }
    return { experimentalRejectedIds: { tasks: rejected } };
  }

  /** Returns the status of each operation. Without a reply, there is none. */
  private async send(operations: Operation[]): Promise<(number | undefined)[]> {
    try {
      const { data } = await this.api.POST("/api/batch", { body: { operations } });
      return data?.results.map(({ status }) => status) ?? [];
    } catch {
      return [];
    }
  }

  /** The task is in the trash: another device has deleted it, and that wins. */
  private drop(id: string): Promise<void> {
    return this.database.write(async () => (await this.database.get("tasks").find(id)).markAsDeleted());
  }
}

/** Sends at most `batchSize` changes in one request, of the 100 that the API takes. */
export function synchronizeTasks(database: Database, api: Api, batchSize = 100): Promise<void> {
  const handlers = new Handlers(database, api, batchSize);
  return synchronize({
    database,
    sendCreatedAsUpdated: true,
    pullChanges: () => handlers.pull(),
    // Within the transaction that stores the changes.
    onDidPullChanges: async (result) => database.localStorage.set("token", (result as { token: string }).token),
    pushChanges: ({ changes }) => handlers.push((changes as { tasks: SyncTableChangeSet }).tasks),
  });
}
