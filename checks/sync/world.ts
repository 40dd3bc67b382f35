// A user with some devices, and an observer whose connection is good.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "../generated/api.js";
import { tokenFor } from "../server.js";
import type { Device, Engine } from "./devices.js";
import { type Api, type Task, readChanges } from "./feed.js";
import { Network, seeded } from "./network.js";
import { User } from "./users.js";

/** The changes on one page of the feed. */
const PAGE = 5;

/** Repeats what DynamoDB's faults prevent. */
async function patiently(request: Request): Promise<Response> {
  for (;;) {
    const response = await fetch(request.clone());
    if (response.status !== 503) return response;
    await response.body?.cancel();
  }
}

function byId<T extends Pick<Task, "id">>(tasks: T[]): T[] {
  return [...tasks].sort((a, b) => (a.id < b.id ? -1 : 1));
}

export class World {
  readonly devices: Device[] = [];
  readonly random: () => number;
  readonly user: User;
  readonly observer: Api;
  private readonly headers: { Authorization: string };

  constructor(
    private readonly engine: Engine,
    private readonly baseUrl: string,
    seed: number,
  ) {
    this.random = seeded(seed);
    this.user = new User(engine.winner, this.random);
    this.headers = { Authorization: `Bearer ${tokenFor(engine.name)}` };
    this.observer = createClient<paths>({ baseUrl, headers: this.headers, fetch: patiently });
  }

  async addDevice(): Promise<Device> {
    const { baseUrl, headers } = this;
    const network = new Network(this.random, PAGE);
    const device = await this.engine.open(createClient<paths>({ baseUrl, headers, fetch: network.fetch }), network);
    this.devices.push(device);
    return device;
  }

  /** How often something was seen on all connections. */
  count(what: string): number {
    return this.devices.reduce((sum, { network }) => sum + network.count(what), 0);
  }

  /** Ends a round: all devices have what the server has, and that is what the user wanted. */
  async finish(): Promise<void> {
    await this.settle();
    const server = await this.read();
    this.user.finish(server);
    for (const [index, device] of this.devices.entries()) {
      const kept = (await device.tasks()).map(({ task, etag }) => ({ ...task, etag }));
      assert.deepEqual(byId(kept), server, `device ${index + 1} and the server`);
    }
  }

  /** All devices sync until none of them has anything to send. */
  private async settle(): Promise<void> {
    for (let isQuiet = false; !isQuiet; ) {
      const writes = this.count("writes");
      for (const device of this.devices) await device.sync();
      const unsent = await Promise.all(this.devices.map((device) => device.hasUnsent()));
      isQuiet = writes === this.count("writes") && !unsent.includes(true);
    }
  }

  /** Returns all tasks with their versions. */
  private async read(): Promise<(Task & { etag: string })[]> {
    const list = await this.tasks();
    const { changes } = await readChanges(this.observer);
    const found = changes.flatMap((change) => ("task" in change ? [change] : []));
    assert.deepEqual(byId(found.map(({ task }) => task)), byId(list), "the feed and the list");
    const descriptions = [...list, ...(await this.tasks("deleted"))].map(({ description }) => description);
    assert.equal(new Set(descriptions).size, descriptions.length, "a task was created twice");
    return byId(found.map(({ task, etag }) => ({ ...task, etag })));
  }

  async tasks(status: "all" | "deleted" = "all"): Promise<Task[]> {
    const { data } = await this.observer.GET("/api/tasks", { params: { query: { status } } });
    assert.ok(data);
    return data;
  }
}
