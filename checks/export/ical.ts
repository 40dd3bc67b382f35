// Reads calendars with ical.js, which Thunderbird and Nextcloud use.
import assert from "node:assert/strict";
import ICAL from "ical.js";

/** A to-do as a program reads it. Moments are in UTC, to the second. */
export interface ToDo {
  uid: string;
  summary: string | null;
  description: string | null;
  categories: string[];
  priority: number;
  status: string;
  /** A date, a local time or a moment. */
  due: string | null;
  zone: string | null;
  /** The moment of a local time, by the time zone in the same calendar, or of a moment. */
  at: string | null;
  created: string | null;
  "last-modified": string | null;
  dtstamp: string | null;
  completed: string | null;
}

/** Undoes the folding of long lines. */
export const linesOf = (text: string): string[] => text.replaceAll("\r\n ", "").split("\r\n");

/** Values have the types that ical.js knows of properties, and it writes each line as it was. */
function checkStrictly(component: ICAL.Component, text: string): void {
  assert.ok(ICAL.design.strict);
  const check = (part: ICAL.Component) => {
    for (const property of part.getAllProperties()) {
      assert.notEqual(property.type, "unknown", property.name);
      for (const value of property.getValues()) assert.ok(value !== null && value !== undefined, property.name);
    }
    part.getAllSubcomponents().forEach(check);
  };
  check(component);
  assert.deepEqual(linesOf(ICAL.stringify(component.jCal)), linesOf(text));
}

function utcOf(time: ICAL.Time): string {
  assert.ok(!time.isDate && time.zone !== ICAL.Timezone.localTimezone);
  return time.convertToZone(ICAL.Timezone.utcTimezone).toString();
}

function dueOf(toDo: ICAL.Component): Pick<ToDo, "due" | "zone" | "at"> {
  const property = toDo.getFirstProperty("due");
  if (!property) return { due: null, zone: null, at: null };
  const time = property.getFirstValue() as ICAL.Time;
  const zone = property.getFirstParameter("tzid") ?? null;
  const isFloating = time.isDate || time.zone === ICAL.Timezone.localTimezone;
  if (zone !== null) assert.equal(time.zone, toDo.getTimeZoneByID(zone), "by the zone in the calendar");
  return { due: time.toString(), zone, at: isFloating ? null : utcOf(time) };
}

function toDoOf(toDo: ICAL.Component): ToDo {
  const text = (name: string) => toDo.getFirstPropertyValue(name) as string | null;
  const moment = (name: string) => {
    const time = toDo.getFirstPropertyValue(name) as ICAL.Time | null;
    return time && utcOf(time);
  };
  return {
    uid: text("uid") ?? "",
    summary: text("summary"),
    description: text("description"),
    categories: toDo.getAllProperties("categories").flatMap((property) => property.getValues()),
    priority: Number(toDo.getFirstPropertyValue("priority") ?? 0),
    status: text("status") ?? "",
    ...dueOf(toDo),
    created: moment("created"),
    "last-modified": moment("last-modified"),
    dtstamp: moment("dtstamp"),
    completed: moment("completed"),
  };
}

export function readWithIcalJs(text: string): ToDo[] {
  const calendar = ICAL.Component.fromString(text);
  assert.equal(calendar.name, "vcalendar");
  checkStrictly(calendar, text);
  return calendar.getAllSubcomponents("vtodo").map(toDoOf);
}

const MOMENTS = ["created", "last-modified", "dtstamp", "completed"];

/** Writes a calendar. */
export function writeWithIcalJs(toDos: ToDo[]): string {
  const calendar = new ICAL.Component("vcalendar");
  calendar.addPropertyWithValue("version", "2.0");
  calendar.addPropertyWithValue("prodid", "-//ical.js//EN");
  for (const { categories, due, zone, at, ...others } of toDos) {
    const toDo = new ICAL.Component("vtodo");
    const add = (name: string, time: string | null, timeZone?: string | null) => {
      const property = new ICAL.Property(name, toDo);
      if (timeZone) property.setParameter("tzid", timeZone);
      if (time !== null) toDo.addProperty(property).setValue(ICAL.Time.fromString(time, property));
    };
    for (const [name, value] of Object.entries(others)) {
      if (MOMENTS.includes(name)) add(name, value as string | null);
      else if (value) toDo.addPropertyWithValue(name, value);
    }
    add("due", due, zone);
    if (categories.length > 0) toDo.addProperty(new ICAL.Property("categories", toDo)).setValues(categories);
    calendar.addSubcomponent(toDo);
  }
  return calendar.toString();
}
