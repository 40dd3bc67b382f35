// What the files must say of a task, by the rules in `openapi.yaml` and RFC 5545.
import type { Task } from "../openapi/client.js";
import type { ToDo } from "./ical.js";

export const COLUMNS = [
  "id", "title", "description", "completed", "priority", "labels", "due", "due_time_zone", "due_date",
  "created_at", "updated_at", "completed_at", "deleted_at",
];

/** A row of a table, with its labels taken apart. */
export type Row = (string | string[])[];

/** The text of `due`, and its time zone. */
function meant({ due }: Task): [string, string] {
  if (!due) return ["", ""];
  if ("date" in due) return [due.date, ""];
  if ("instant" in due) return [due.instant, ""];
  return [due.local, "time_zone" in due ? due.time_zone : ""];
}

export function rowOf(task: Task): Row {
  const { id, title, description, completed, priority, labels, due_date, created_at, updated_at, completed_at, deleted_at } = task;
  const row = [
    id, title, description, String(completed), priority, labels, ...meant(task), due_date,
    created_at, updated_at, completed_at, deleted_at,
  ];
  return row.map((cell) => cell ?? "");
}

/** Lines end with LF, and marks stand in place of control characters (RFC 5545 section 3.1). */
export const readable = (text: string): string =>
  text.replace(/\r\n?/g, "\n").replace(/[\0-\x08\x0b-\x1f\x7f]/g, "\ufffd");

/** A calendar knows no fractions of seconds. */
export const toSecond = (moment: string): string => moment.replace(/\.\d+/, "");

const PRIORITIES = { high: 1, medium: 5, low: 9 };

export function toDoOf(task: Task): ToDo {
  const [due, zone] = meant(task);
  const isMoment = due.endsWith("Z") || zone !== "";
  const orNull = (moment: string | null | undefined) => (moment ? toSecond(moment) : null);
  return {
    uid: task.id,
    summary: readable(task.title),
    description: task.description === null ? null : readable(task.description),
    categories: task.labels.map(readable),
    priority: task.priority ? PRIORITIES[task.priority] : 0,
    status: task.completed ? "COMPLETED" : "NEEDS-ACTION",
    due: orNull(due),
    zone: zone || null,
    at: isMoment ? orNull(task.due_date) : null,
    created: toSecond(task.created_at),
    "last-modified": toSecond(task.updated_at),
    dtstamp: toSecond(task.updated_at),
    completed: orNull(task.completed_at),
  };
}

/** A task as a calendar keeps it. */
export function asInCalendar(task: Task): Task {
  const { title, description, labels, due, due_date, completed_at } = task;
  const cut = (moment: string) => moment.replace(/\.\d+/, ".000");
  // A local time has a fraction only where it is not zero.
  const cutMember = ([name, value]: [string, string]) => [name, name === "local" ? toSecond(value) : cut(value)];
  return {
    ...task,
    title: readable(title),
    description: description === null ? null : readable(description),
    labels: labels.map(readable),
    completed_at: completed_at && cut(completed_at),
    due_date: due_date && cut(due_date),
    ...(due && { due: Object.fromEntries(Object.entries(due).map(cutMember)) as typeof due }),
  };
}
