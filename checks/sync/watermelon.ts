// WatermelonDB's synchronize with this API.
import { type Database, type DirtyRaw, Model, appSchema, tableSchema } from "@nozbe/watermelondb";
import { type SyncTableChangeSet, synchronize } from "@nozbe/watermelondb/sync/index.js";
import { setGenerator } from "@nozbe/watermelondb/utils/common/randomId/index.js";
import { type Api, type Task, readChanges } from "./feed.js";
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
  created_at: Date.parse(task.created_at),
  updated_at: Date.parse(task.updated_at),
});

function expectOk(response: Response, ...also: number[]): void {
  if (!response.ok && !also.includes(response.status)) throw new Error(`${response.url} replied ${response.status}`);
}

class Handlers {
  constructor(
    private readonly database: Database,
    private readonly api: Api,
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
    const records = [...created, ...updated];
    const sent = await Promise.allSettled([
      ...records.map((raw) => (raw["etag"] ? this.update(raw) : this.create(raw))),
      ...deleted.map((id) => this.delete(id)),
    ]);
    const ids = [...records.map(({ id }) => id as string), ...deleted];
    return { experimentalRejectedIds: { tasks: ids.filter((_, index) => sent[index]?.status === "rejected") } };
  }

  private async create(raw: DirtyRaw): Promise<void> {
    // A new task is pending.
    const { completed, ...body } = pick(raw, FIELDS);
    const params = { path: { task_id: raw["id"] }, header: { "If-None-Match": "*" } };
    const { response } = await this.api.PUT("/api/tasks/{task_id}", { params, body });
    if (response.status === 409) await this.drop(raw["id"]);
    // If an earlier attempt created it, the feed brings it. What the user changed since is an update.
    if (response.status !== 201 || completed) throw new Error(`the create is not all: ${response.status}`);
  }

  private async update(raw: DirtyRaw): Promise<void> {
    const body = pick(raw, raw["_changed"].split(","));
    if (Object.keys(body).length === 0) return;
    const params = { path: { task_id: raw["id"] }, header: { "If-Match": raw["etag"] } };
    expectOk((await this.api.PUT("/api/tasks/{task_id}", { params, body })).response);
  }

  /** A deletion beats an edit by another device: there is no `If-Match`. */
  private async delete(id: string): Promise<void> {
    const params = { path: { task_id: id } };
    expectOk((await this.api.DELETE("/api/tasks/{task_id}", { params })).response, 404);
  }

  /** The task is in the trash: another device has deleted it, and that wins. */
  private drop(id: string): Promise<void> {
    return this.database.write(async () => (await this.database.get("tasks").find(id)).markAsDeleted());
  }
}

export function synchronizeTasks(database: Database, api: Api): Promise<void> {
  const handlers = new Handlers(database, api);
  return synchronize({
    database,
    sendCreatedAsUpdated: true,
    pullChanges: () => handlers.pull(),
    // Within the transaction that stores the changes.
    onDidPullChanges: async (result) => database.localStorage.set("token", (result as { token: string }).token),
    pushChanges: ({ changes }) => handlers.push((changes as { tasks: SyncTableChangeSet }).tasks),
  });
}
