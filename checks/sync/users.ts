// What a user does on several devices, and what has to come of it.
import assert from "node:assert/strict";
import type { Device, Edits, Engine, Kept } from "./devices.js";
import type { Task } from "./feed.js";

/** What one device did to one task in a round. */
type Touch = { edits: Edits; isDeleted: boolean };

const PRIORITIES = [null, "low", "medium", "high"] as const;
const DAY = 24 * 60 * 60 * 1000;

/** Edits tasks in rounds. A task is known by its description, which nobody edits. */
export class User {
  readonly done = { creates: 0, edits: 0, deletions: 0, conflicts: 0 };
  /** The tasks that should be there after the last round. */
  readonly expected = new Set<string>();
  private readonly round = new Map<string, Map<Device, Touch>>();
  private unique = 0;

  constructor(
    private readonly winner: Engine["winner"],
    private readonly random: () => number,
  ) {}

  pick<T>(of: readonly T[]): T | undefined {
    return of[Math.floor(this.random() * of.length)];
  }

  /** Does something, to any task or to one that no other device has touched in this round. */
  async act(device: Device, isAlone = false): Promise<void> {
    const tasks = (await device.tasks()).filter((kept) => !isAlone || !this.isTouchedElsewhere(kept, device));
    // Conflicts need tasks that are edited often.
    const kept = tasks[Math.floor(this.random() ** 2 * tasks.length)];
    if (!kept || this.random() < 0.15) return this.create(device);
    // Between devices, what becomes of an edit before a deletion depends on who is first.
    const mayDelete = isAlone || !this.touches(kept).has(device);
    await (mayDelete && this.random() < 0.2 ? this.delete(device, kept) : this.edit(device, kept));
  }

  async create(device: Device): Promise<void> {
    this.done.creates += 1;
    this.unique += 1;
    const task = { title: `title ${this.unique}`, description: `task ${this.unique}` };
    this.touch(device, task.description);
    await device.create(task);
  }

  async delete(device: Device, { task }: Kept): Promise<void> {
    this.done.deletions += 1;
    this.touch(device, task.description).isDeleted = true;
    await device.delete(task.id);
  }

  async edit(device: Device, { task }: Kept): Promise<void> {
    const { edits } = this.touch(device, task.description);
    this.unique += 1;
    const changes: Edits[] = [
      { title: `title ${this.unique}` },
      { due_date: new Date(DAY * (20_000 + this.unique)).toISOString() },
      { completed: !task.completed },
      { priority: PRIORITIES[(PRIORITIES.indexOf(task.priority ?? null) + 1) % PRIORITIES.length] ?? null },
    ];
    // Each field once, so that none gets its old value back.
    const change = this.pick(changes.filter((change) => !Object.keys(change).some((field) => field in edits)));
    if (!change) return;
    this.done.edits += 1;
    Object.assign(edits, change);
    await device.edit(task.id, change);
  }

  /** Checks what became of the round, by the tasks on the server. The next round begins. */
  finish(tasks: Task[]): void {
    const server = new Map(tasks.map((task) => [task.description ?? "", task]));
    for (const [description, touches] of this.round) this.judge(description, [...touches.values()], server.get(description));
    this.round.clear();
    assert.deepEqual([...server.keys()].sort(), [...this.expected].sort(), "the tasks on the server");
  }

  private judge(description: string, touches: Touch[], found?: Task): void {
    if (touches.length > 1) this.done.conflicts += 1;
    const edited = touches.filter(({ edits, isDeleted }) => !isDeleted && Object.keys(edits).length > 0);
    const isDeleted = touches.some((touch) => touch.isDeleted) && (this.winner === "deletion" || edited.length === 0);
    if (isDeleted) return void this.expected.delete(description);
    this.expected.add(description);
    assert.ok(found, `${description} is not on the server`);
    for (const field of ["title", "completed", "priority", "due_date"] as const) {
      const values = edited.flatMap(({ edits }) => (field in edits ? [edits[field]] : []));
      if (values.length === 0) continue;
      assert.ok(values.includes(found[field]), `${field} of ${description} is ${found[field]}, and nobody wrote that`);
    }
  }

  private touches({ task }: Kept): Map<Device, Touch> {
    return this.round.get(task.description ?? "") ?? new Map<Device, Touch>();
  }

  private isTouchedElsewhere(kept: Kept, device: Device): boolean {
    return [...this.touches(kept).keys()].some((other) => other !== device);
  }

  private touch(device: Device, description: string | null): Touch {
    const touches = this.round.get(description ?? "") ?? new Map<Device, Touch>();
    this.round.set(description ?? "", touches);
    const touch = touches.get(device) ?? { edits: {}, isDeleted: false };
    touches.set(device, touch);
    return touch;
  }
}
