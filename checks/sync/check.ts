// Two sync engines that know nothing of this API keep devices up to date through its feed,
// while connections and DynamoDB fail.
// Run with `npm ci && npm run check:sync`, after `cargo build --workspace`. A seed repeats
// what the user does: `node generated/sync/check.js SEED`.
import assert from "node:assert/strict";
import { startApi, stopAll } from "../server.js";
import { type Device, type Engine, type Kept, rxdb, watermelondb } from "./devices.js";
import { World } from "./world.js";

const FAULTS = "lost-reply=0.05,throttle=0.05,drop=0.03,error=0.02,cut=0.02,garbage=0.01,delay=0.005";
const ROUNDS = 5;
const DEADLINE = 120_000;

/** The user edits on two devices without a connection, on one whose connection breaks, and on one that syncs. */
async function edit({ user, random }: World, a: Device, b: Device): Promise<void> {
  for (let count = 0; count < 16; count += 1) await user.act(count % 2 ? a : b);
  a.network.breakAfter(Math.floor(random() * 6));
  await a.sync();
  for (let count = 0; count < 4; count += 1) await user.act(a, true);
  const syncing = b.sync();
  for (let count = 0; count < 4; count += 1) await user.act(b, true);
  await syncing;
}

/** The server creates a task, and the device does not hear of it. Its user goes on. */
async function loseCreate({ user }: World, device: Device, goOn: (kept: Kept) => Promise<void>): Promise<void> {
  await user.create(device);
  device.network.breakAfter(0);
  while (device.network.isOnline) await device.sync();
  const [unheard, ...others] = (await device.tasks()).filter(({ etag }) => !etag);
  assert.ok(unheard && others.length === 0, "one reply is lost");
  await goOn(unheard);
}

/** While a device has not heard of its create, its user and another device go on with the task, or do not. */
async function loseCreates(world: World, a: Device, b: Device): Promise<void> {
  const { user } = world;
  const actsOn = (device: Device) => [
    async () => undefined,
    (kept: Kept) => user.edit(device, kept),
    (kept: Kept) => user.delete(device, kept),
  ];
  for (const actHere of actsOn(a)) {
    for (const actThere of actsOn(b)) {
      await loseCreate(world, a, async (kept) => {
        await actHere(kept);
        while (!(await b.tasks()).some(({ task }) => task.id === kept.task.id)) await b.sync();
        await actThere(kept);
        await b.sync();
      });
      await world.finish();
    }
  }
}

/** Through other clients, a task leaves the trash, and tasks are deleted for good. */
async function editElsewhere(world: World): Promise<void> {
  const { user, observer } = world;
  const [restored, erased] = await world.tasks("deleted");
  const [, , alsoErased] = await world.tasks();
  assert.ok(restored && erased && alsoErased);
  await observer.POST("/api/tasks/{task_id}/restore", { params: { path: { task_id: restored.id } } });
  user.expected.add(restored.description ?? "");
  for (const { id, description } of [erased, alsoErased]) {
    await observer.DELETE("/api/tasks/{task_id}", { params: { path: { task_id: id }, query: { permanent: true } } });
    user.expected.delete(description ?? "");
  }
}

function summary({ name }: Engine, world: World): string {
  const { creates, edits, deletions, conflicts } = world.user.done;
  const seen = (what: string) => world.count(what);
  return [
    `ok: ${name}: ${world.devices.length} devices, ${creates} creates, ${edits} edits and ${deletions} deletions, ${conflicts} of them in conflict`,
    `${seen("requests")} requests, ${seen("batches")} of them batches of ${seen("operations")} writes, ${seen("lost requests")} of them lost and ${seen("lost replies")} replies`,
    ["412", "404", "410", "503"].map((status) => `${seen(status)} times ${status}`).join(", "),
    `${seen("replayed creates")} creates again`,
  ].join("; ");
}

/** Returns what was done. */
async function exercise(engine: Engine, api: string, seed: number): Promise<string> {
  const world = new World(engine, api, seed);
  const { user } = world;
  const [a, b] = [await world.addDevice(), await world.addDevice()];
  for (let count = 0; count < 8; count += 1) await user.create(count % 2 ? a : b);
  await world.finish();

  for (let round = 0; round < ROUNDS; round += 1) {
    await edit(world, a, b);
    await world.finish();
  }

  await loseCreates(world, a, b);

  // What was deleted while a device was away for a month is not in the feed.
  a.network.ageToken();
  await editElsewhere(world);
  await world.finish();
  assert.ok(world.count("410") > 0, "a device started anew");

  a.network.ageToken();
  await edit(world, b, a);
  await world.addDevice();
  await world.finish();
  return summary(engine, world);
}

const seed = Number(process.argv[2] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${seed}`);
const late = setTimeout(() => {
  console.error(`not up to date after ${DEADLINE / 1000} seconds`);
  stopAll();
  process.exit(1);
}, DEADLINE);
try {
  const api = await startApi({ RUST_LOG: "off" }, "--faults", FAULTS);
  const engines = [rxdb, watermelondb];
  const done = await Promise.all(engines.map((engine, index) => exercise(engine, api, seed + index)));
  for (const line of done) console.log(line);
} finally {
  clearTimeout(late);
  stopAll();
}
console.log("2 passed, 0 failed");
