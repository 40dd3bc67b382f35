// Calendars of other programs are imported.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { Task } from "../openapi/client.js";
import { toDoOf } from "./expected.js";
import { type Command, assertSame, commandsOf, here, inFolder, runPython, tasksIn, text } from "./files.js";
import { type ToDo, writeWithIcalJs } from "./ical.js";

/** What is in a task that was imported, whichever its id. */
type Imported = Pick<Task, "title" | "description" | "completed" | "priority" | "labels" | "created_at" | "completed_at"> & {
  due: string | undefined;
};

function exported(run: Command): Task[] {
  const file = inFolder("imported.json");
  assert.equal(run("export", "--force", file).status, 0);
  return tasksIn(file);
}

/**
 * icalendar and ical.js write what they should read of the tasks, under other UIDs. Imported
 * twice, it is there once.
 */
export function writeWithOthers(tasks: Task[], dynamodb: string): void {
  // icalendar leaves out byte order marks, and writes times in a zone called UTC as moments.
  // ical.js writes the year 1 with one digit.
  const isWritten = ({ title, due }: Task) =>
    !title.startsWith("\ufeff") && !(due && "time_zone" in due && due.time_zone === "UTC") && !due?.at.startsWith("0001");
  const toDos = tasks.filter((task) => !task.deleted_at && isWritten(task)).map(toDoOf);
  const others = toDos.map((toDo) => ({ ...toDo, uid: `${toDo.uid}@example.com` }));
  const written = { icalendar: runPython("write.py", [], JSON.stringify(others)), "ical.js": writeWithIcalJs(others) };
  const content = ({ uid, dtstamp, "last-modified": modified, ...others }: ToDo) => JSON.stringify(others);
  for (const [program, calendar] of Object.entries(written)) {
    const file = inFolder(`${program}.ics`);
    writeFileSync(file, calendar);
    const run = commandsOf(program, dynamodb);
    for (const said of [`${toDos.length} tasks stored, 0 there already`, `0 tasks stored, ${toDos.length} there already`]) {
      assert.deepEqual(run("import", file), { status: 0, said: [said] });
    }
    assertSame(exported(run).map(toDoOf).map(content).sort(), toDos.map(content).sort());
    console.log(`ok: import ${toDos.length} to-dos that ${program} has written, twice`);
  }
}

const task = (title: string, created_at: string, others: Partial<Imported> = {}): Imported => ({
  title,
  description: null,
  completed: false,
  priority: null,
  labels: [],
  due: undefined,
  created_at,
  completed_at: null,
  ...others,
});

/** What is imported of each file in `foreign/`, in order of creation, and what is said about the rest. */
const FOREIGN: Record<string, { tasks: Imported[]; notes: string[] }> = {
  // With HTML, an alarm, an event, and a repetition that was completed.
  thunderbird: {
    tasks: [
      task("Steuererklärung abgeben", "2024-01-10T08:15:00.000Z", {
        description: "Formulare: ELSTER; Belege\nund so",
        completed: true,
        priority: "high",
        labels: ["Finanzen", "Privat, dringend"],
        due: "2024-01-31T18:00:00 Europe/Berlin",
        completed_at: "2024-01-12T09:14:59.000Z",
      }),
      task("Müll rausbringen", "2024-01-10T08:16:00.000Z", { due: "2024-01-01T20:00:00 Europe/Berlin" }),
      task("Müll rausbringen", "2024-01-10T08:17:00.000Z", {
        completed: true,
        due: "2024-01-08T20:00:00 Europe/Berlin",
        completed_at: "2024-01-08T18:59:00.000Z",
      }),
    ],
    notes: ["to-do 2: it does not repeat any more", "to-do 3: it is no repetition of another any more"],
  },
  // Its alarms have a UID and a description, and come first.
  reminders: {
    tasks: [
      task("Water the plants 🪴", "2024-03-10T12:00:00.000Z", { priority: "medium", due: "2024-03-20T09:00:00 America/New_York" }),
      task("Milk", "2024-03-10T12:00:01.000Z", {
        description: "Two, not three\nlitres",
        completed: true,
        due: "2024-03-12",
        completed_at: "2024-03-11T10:11:12.000Z",
      }),
    ],
    notes: [],
  },
  // Old versions wrote times without a zone. Subtasks are to-dos of their own.
  nextcloud: {
    tasks: [
      task("Umzug", "2024-03-01T10:10:10.000Z", { priority: "low", labels: ["Wohnung", "Familie"], due: "2024-04-05T17:00:00" }),
      task("Kartons besorgen", "2024-03-01T10:12:12.000Z", { due: "2024-04-02" }),
    ],
    notes: ["to-do 2: its relation to another is left out", "to-do 2: it was cancelled, and is pending now"],
  },
  // Windows names its zones itself. Only DTSTAMP says when a to-do is from.
  outlook: {
    tasks: [
      task("Angebot prüfen", "2024-02-20T07:15:00.000Z", { priority: "medium", due: "2024-02-29T12:00:00" }),
      task("Rückruf", "2024-02-20T07:15:01.000Z", { due: "2024-02-29T12:00:00" }),
      task("Besuch", "2024-02-20T07:15:02.000Z", { due: "2024-02-29T12:00:00 Europe/Berlin" }),
    ],
    notes: ["W. Europe Standard Time", "(UTC+01:00) Amsterdam, Berlin; Bern"].map(
      (name, index) => `to-do ${index + 1}: its time zone ${name} is not known, so it is due at local time`,
    ),
  },
  // CREATED may be wrong, labels empty, and an event not as RFC 5545 says.
  google: {
    tasks: [
      task("Year 0", "2024-03-01T10:10:10.000Z", { due: "2024-02-10T09:00:00Z" }),
      task("Year 1900", "2024-03-01T10:10:11.000Z", { labels: ["a", "b"] }),
    ],
    notes: [],
  },
  // Names of zones are paths.
  evolution: {
    tasks: [
      task("Call Ana", "2024-02-01T10:00:00.000Z", { priority: "low", due: "2024-02-10T17:00:00 Europe/Berlin" }),
      task("Call Zoë", "2024-02-01T10:00:01.000Z", { due: "2024-02-10T17:00:00 America/Argentina/Buenos_Aires" }),
    ],
    notes: [],
  },
};

function imported(from: Task): Imported {
  const { title, description, completed, priority, labels, created_at, completed_at } = from;
  const { due, zone } = toDoOf(from);
  const meant = due === null ? undefined : [due, zone].filter(Boolean).join(" ");
  return { title, description, completed, priority, labels, due: meant, created_at, completed_at };
}

/** The same calendar, with names in small letters, and lines that end in two ways. */
const oddly = (calendar: string): string =>
  calendar
    .split("\n")
    .map((line, index) => line.replace(/^[\w-]+/, (name) => name.toLowerCase()) + (index % 2 ? "\r" : ""))
    .join("\n");

/** Each is imported in several forms, and is there once; then all of them, in one file. */
export function readOthers(dynamodb: string): void {
  const all = [];
  for (const [name, { tasks, notes }] of Object.entries(FOREIGN)) {
    const run = commandsOf(name, dynamodb);
    const unix = text(`${here}foreign/${name}.ics`);
    const forms = [unix, `\ufeff${unix.replaceAll("\n", "\r\n")}`, oddly(unix)];
    forms.forEach((form, index) => {
      const file = inFolder(`${name}-${index}.ics`);
      writeFileSync(file, form);
      const [stored, existing] = index === 0 ? [tasks.length, 0] : [0, tasks.length];
      assert.deepEqual(run("import", file), { status: 0, said: [...notes, `${stored} tasks stored, ${existing} there already`] });
    });
    assertSame(exported(run).map(imported), tasks);
    all.push(unix);
  }
  const file = inFolder("all.ics");
  writeFileSync(file, all.join(""));
  const count = Object.values(FOREIGN).flatMap(({ tasks }) => tasks).length;
  const { said } = commandsOf("all", dynamodb)("import", file);
  assert.equal(said.at(-1), `${count} tasks stored, 0 there already`);
  console.log(`ok: import calendars of ${Object.keys(FOREIGN).join(", ")}`);
}
