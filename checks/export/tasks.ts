// Tasks with what files get wrong.
import type { NewTask } from "../openapi/client.js";

/** Each is a title, a description and two labels. */
const TEXTS = [
  // Formulas, and the mark that says that a cell is none.
  "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\r\n=1", "＝1", "＋1", "－1", "＠1",
  "'=1", "''", "'", "=", "a;=1+1;b", "a\t=1+1", '=HYPERLINK("http://localhost","x")',
  // Separators, quotes and escapes.
  "a,b;c:d", ",", '"', '""', '"a","b"', "a\\b", "\\", "ends with \\", "\\n ends no line", "\\\\n", "\\,\\;", "^n^'", "a\tb",
  // Ends of lines, the last ones only for some programs.
  "a\nb", "a\r\nb", "a\rb", "a\n\nb\n", "a\n b", "a\u2028b\u2029c", "a\u0085b", "a\vb\fc\u001ed",
  // Control characters, which a calendar cannot have.
  "a\u0000b\u0007c\u001bd\u007fe",
  // What would end the to-do or the row.
  "x\r\nEND:VTODO\r\nEND:VCALENDAR\r\n", "BEGIN:VEVENT", 'x"\r\n"y',
  // Directions, characters of several characters, and those that programs strip.
  "\u202eevil\u202c שלום, עולם", "مرحبا؛ بالعالم", "👩‍👩‍👧‍👦👋🏽🇩🇪", "e\u0301é", "\ufeffmark", "\u200bwide\u200b", "\ufffd\uffff", " padded ",
  // What programs take for something else than a text.
  "true", "1e5", "0042", "2027-02-10", "NULL",
];

const LONG: NewTask[] = [
  { title: "😀".repeat(200), description: "é".repeat(1000) },
  // Lines are folded at each offset within a character.
  ...["", "a", "ab", "abc"].map((start) => ({
    title: start + "👋🏽".repeat(98),
    description: start + "x\r\n,".repeat(249),
  })),
  // The last of its lines is full.
  { title: "x".repeat(142) },
  { title: `a${" ".repeat(198)}b`, description: " \t".repeat(500) },
  { title: "\\".repeat(200), description: "\n".repeat(1000) },
  { title: "labels", labels: Array.from({ length: 20 }, (_, index) => "🏷".repeat(45) + `,${index}`) },
];

/** Local times, by zone: common ones, and those in which clocks do something special. */
const LOCAL: Record<string, string[]> = {
  "Europe/Berlin": ["2027-02-10T09:00:00", "2027-07-10T09:00:00.500", "1900-01-01T00:00:00", "2050-07-01T12:00:00", "9000-07-01T12:00:00"],
  "America/New_York": ["2027-01-31T23:59:59", "2027-06-30T00:00:00", "1969-07-20T22:56:15"],
  "Asia/Kolkata": ["2027-02-10T09:00:00"],
  // Half an hour of daylight saving time.
  "Australia/Lord_Howe": ["2027-01-10T09:00:00", "2027-07-10T09:00:00"],
  "America/St_Johns": ["2027-01-10T00:01:00", "2027-07-10T00:01:00"],
  // A day was skipped: 2011-12-30.
  "Pacific/Apia": ["2011-12-29T23:59:59", "2011-12-31T00:00:00"],
  // Daylight saving time is winter time.
  "Africa/Casablanca": ["2027-02-20T12:00:00", "2027-07-20T12:00:00"],
  "Europe/Dublin": ["2027-02-10T09:00:00", "2027-07-10T09:00:00"],
  "Asia/Kathmandu": ["1969-12-31T23:59:59", "2027-02-10T09:00:00"],
  // Offsets with seconds.
  "Africa/Monrovia": ["1971-12-31T12:00:00"],
  "Asia/Kabul": ["1880-01-01T12:00:00"],
  UTC: ["2027-02-10T09:00:00"],
  // Its clocks have never changed.
  "Etc/GMT-5": ["2027-02-10T09:00:00"],
  "Pacific/Kiritimati": ["2027-02-10T00:00:00"],
  // Clocks skip this time, and show that one twice. By RFC 5545 they are meant in the time before
  // the change, but neither parser knows that; so the calendar does not have the time after it.
  "America/Chicago": ["2027-03-14T02:30:00"],
  "Europe/Paris": ["2027-10-31T02:30:00"],
};

type Due = NonNullable<NewTask["due"]>;

const DUES: Due[] = [
  ...["0001-01-01", "1900-02-28", "2024-02-29", "2027-02-10", "9999-12-31"].map((date) => ({ date })),
  ...["0001-01-01T00:00:00", "2027-02-10T23:59:59.999", "9999-12-31T23:59:59"].map((local) => ({ local })),
  ...["1969-12-31T23:59:59Z", "2027-02-10T09:00:00+05:30", "9999-12-31T23:59:59.999Z"].map((instant) => ({ instant })),
  ...Object.entries(LOCAL).flatMap(([time_zone, times]) => times.map((local) => ({ local, time_zone }))),
];

const PRIORITIES = ["high", "medium", "low", null] as const;

// ical.js takes the comma after a label that ends with a backslash for a part of the label.
const fits = (label: string) => [...label].length <= 50 && label.trim() !== "" && !label.endsWith("\\");

const SHORT: NewTask[] = TEXTS.map((text, index) => ({
  title: text,
  description: text,
  priority: PRIORITIES[index % PRIORITIES.length] ?? null,
  labels: [text, `a${text}`].filter(fits),
}));

const DUE = DUES.map((due): NewTask => ({ title: `due ${Object.values(due).join(" ")}`, due }));

export const HOSTILE = [...SHORT, ...LONG, ...DUE];

/** Whether a task of these is deleted; none that is long or due is. */
export const isDeleted = (_: unknown, index: number): boolean => index < SHORT.length && index % 7 === 5;
export const isCompleted = (_: unknown, index: number): boolean => index % 7 === 2;
