// Exported and imported files.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Task, nextPage } from "../openapi/client.js";
import { prepare } from "../python.js";
import { onStop, repository, runLocal, tokenFor } from "../server.js";
import { type Row, toSecond } from "./expected.js";
import { type ToDo, readWithIcalJs } from "./ical.js";

export const here = `${repository}checks/export/`;
const python = `${prepare(here)}python`;

const folder = mkdtempSync(join(tmpdir(), "export-"));
onStop(() => rmSync(folder, { recursive: true }));

export const FORMATS = ["json", "csv", "ics"] as const;
export type Format = (typeof FORMATS)[number];

export const inFolder = (name: string): string => join(folder, name);

export const bytes = (files: string[]): Buffer => Buffer.concat(files.map((file) => readFileSync(file)));
export const text = (file: string): string => readFileSync(file, "utf8");
export const tasksIn = (file: string): Task[] => JSON.parse(text(file));

/** Compares one by one, because the difference of long lists is long. */
export function assertSame<T>(actual: T[], expected: T[]): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((item, index) => assert.deepEqual(item, expected[index]));
}

/** Writes the pages of an export into files, and returns their names. */
export async function download(api: string, user: string, format: Format, limit?: number): Promise<string[]> {
  const headers = { Authorization: `Bearer ${tokenFor(user)}` };
  const files: string[] = [];
  const first = new URL(`/api/export?format=${format}${limit ? `&limit=${limit}` : ""}`, api);
  for (let next: URL | undefined = first; next; ) {
    const page: Response = await fetch(next, { headers });
    assert.equal(page.status, 200);
    const file = inFolder(`${user}-${limit ?? "whole"}-${files.length}.${format}`);
    writeFileSync(file, Buffer.from(await page.arrayBuffer()));
    files.push(file);
    next = nextPage(page);
  }
  return files;
}

/** Runs a program of this folder. */
export function runPython(program: string, options: string[], input = ""): string {
  return execFileSync(python, [`${here}${program}`, ...options], { encoding: "utf8", input, maxBuffer: 2 ** 26 });
}

/** Lines end with CR LF, have at most 75 bytes, and are UTF-8 each by itself. */
function checkLines(file: string): void {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const lines = readFileSync(file).toString("latin1").split("\r\n");
  assert.equal(lines.pop(), "");
  for (const line of lines) {
    assert.ok(line.length <= 75 && !/[\0-\x08\x0a-\x1f\x7f]/.test(line), line);
    decoder.decode(Buffer.from(line, "latin1"));
  }
}

/** What ical.js makes of a to-do: it leaves out the seconds of offsets from UTC, and zeros of years. */
function asIcalJsReads({ due, zone, at, ...others }: ToDo): ToDo {
  if (zone !== null && due !== null && at !== null) {
    const [local, minute] = [Date.parse(`${due}Z`), 60_000];
    const offset = Math.trunc((local - Date.parse(at)) / minute) * minute;
    at = toSecond(new Date(local - offset).toISOString());
  }
  return { ...others, due: due && due.replace(/^0+/, ""), zone, at };
}

/** Reads a table with Python's csv, and the to-dos of calendars with each program. */
export function readAll(csv: string, calendars: string[]): { rows: Row[]; toDos: ToDo[][] } {
  calendars.forEach(checkLines);
  const read = runPython("read.py", [csv, ...calendars]);
  const [rows, ...toDos] = JSON.parse(read) as [Row[], ...ToDo[][]];
  calendars.forEach((file, index) => {
    assertSame(readWithIcalJs(text(file)), toDos[index]?.map(asIcalJsReads) ?? []);
  });
  return { rows, toDos };
}

/** A command for all tasks of a user. */
export type Command = (name: "export" | "erase" | "import", ...options: string[]) => { status: number | null; said: string[] };

export function commandsOf(user: string, dynamodb: string): Command {
  const owner = ["--user", user, "--table", "TasksTable", "--endpoint", dynamodb];
  return (name, ...options) => {
    const { status, stdout, stderr } = runLocal(name, ...owner, ...options);
    return { status, said: `${stdout}${stderr}`.split("\n").filter((line) => line !== "") };
  };
}
