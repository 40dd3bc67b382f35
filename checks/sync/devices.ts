// Devices of one user, each with a database of its own in memory.
import { inspect } from "node:util";
import { Database, type DirtyRaw } from "@nozbe/watermelondb";
import loki from "@nozbe/watermelondb/adapters/lokijs/index.js";
import { hasUnsyncedChanges } from "@nozbe/watermelondb/sync/index.js";
import logger from "@nozbe/watermelondb/utils/common/logger/index.js";
import { type RxCollection, createRxDatabase } from "rxdb/plugins/core";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";
import { wrappedValidateAjvStorage } from "rxdb/plugins/validate-ajv";
import type { Api, Task } from "./feed.js";
import type { Network } from "./network.js";
import * as rx from "./rxdb.js";
import * as watermelon from "./watermelon.js";

export type Edits = Partial<Pick<Task, "title" | "completed" | "priority" | "due_date">>;

/** A task as a device keeps it. The `etag` is empty before the server's reply. */
export type Kept = { etag: string; task: Task };

export interface Device {
  readonly network: Network;
  tasks(): Promise<Kept[]>;
  create(task: Pick<Task, "title" | "description">): Promise<void>;
  edit(id: string, edits: Edits): Promise<void>;
  delete(id: string): Promise<void>;
  /** Goes online until everything is sent and received, or until the connection breaks. */
  sync(): Promise<void>;
  hasUnsent(): Promise<boolean>;
}

export interface Engine {
  readonly name: string;
  /** Who wins if one device deletes what another one edits. */
  readonly winner: "edit" | "deletion";
  open(api: Api, network: Network): Promise<Device>;
}

/** Whether a later attempt can do better. */
function isOutage(error: unknown): boolean {
  return /offline|lost re|fetch failed|replied (?:429|503)/.test(inspect(error, { depth: 5 }));
}

export const rxdb: Engine = {
  name: "RxDB",
  winner: "edit",
  async open(api, network) {
    const database = await createRxDatabase({
      name: crypto.randomUUID(),
      storage: wrappedValidateAjvStorage({ storage: getRxStorageMemory() }),
      multiInstance: false,
    });
    const { tasks } = await database.addCollections<{ tasks: RxCollection<rx.LocalTask> }>({
      tasks: { schema: rx.taskSchema, conflictHandler: rx.conflictHandler },
    });
    return {
      network,
      async tasks() {
        const found = await tasks.find().exec();
        return found.map((document) => {
          const { etag = "", draft, ...task } = document.toMutableJSON();
          return { etag, task: task as Task };
        });
      },
      create: async (task) => void (await tasks.insert(rx.newTask(task))),
      edit: async (id, edits) => void (await tasks.findOne(id).incrementalPatch(edits)),
      delete: async (id) => void (await tasks.findOne(id).incrementalRemove()),
      /** Each time as after a new start of the app. */
      async sync() {
        network.repair();
        const replication = rx.replicateTasks(tasks, api, { retryTime: 20, batchSize: 10 });
        const mistake = new Promise<never>((_, reject) => replication.error$.subscribe((error) => isOutage(error) || reject(error)));
        await Promise.race([replication.awaitInSync(), network.broken(), mistake]);
        await replication.cancel();
      },
      hasUnsent: async () => (await tasks.findOne({ selector: { etag: { $exists: false } } }).exec()) !== null,
    };
  },
};

export const watermelondb: Engine = {
  name: "WatermelonDB",
  winner: "deletion",
  async open(api, network) {
    logger.default.silence();
    const database = new Database({
      adapter: new loki.default({ schema: watermelon.schema, useWebWorker: false, useIncrementalIndexedDB: false, extraLokiOptions: { autosave: false } }),
      modelClasses: [watermelon.LocalTask],
    });
    const tasks = database.get<watermelon.LocalTask>("tasks");
    return {
      network,
      async tasks() {
        return (await tasks.query().fetch()).map(({ _raw }) => {
          const { etag, created_at, updated_at, due, labels, _status, _changed, ...rest }: DirtyRaw = _raw;
          const times = { created_at: new Date(created_at).toISOString(), updated_at: new Date(updated_at).toISOString() };
          const parsed = { ...(due && { due: JSON.parse(due) }), labels: JSON.parse(labels || "[]") };
          return { etag, task: { ...rest, ...times, ...parsed } as DirtyRaw as Task };
        });
      },
      create: ({ title, description }) =>
        database.write(async () => {
          await tasks.create((record) => {
            record._setRaw("title", title);
            record._setRaw("description", description);
          });
        }),
      edit: (id, edits) =>
        database.write(async () => {
          const record = await tasks.find(id);
          await record.update(() => {
            for (const [column, value] of Object.entries(edits)) record._setRaw(column, value);
          });
        }),
      delete: (id) => database.write(async () => (await tasks.find(id)).markAsDeleted()),
      async sync() {
        network.repair();
        for (;;) {
          try {
            return await watermelon.synchronizeTasks(database, api, 5);
          } catch (error) {
            if (!isOutage(error)) throw error;
            if (!network.isOnline) return;
          }
        }
      },
      hasUnsent: () => hasUnsyncedChanges({ database }),
    };
  },
};
