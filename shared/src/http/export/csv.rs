//! Tables of tasks (RFC 4180).

use std::borrow::Cow;

use crate::task::{Priority, Task, Timestamp};

/// What precedes the tasks: a mark without which Excel does not read UTF-8, and [`COLUMNS`].
pub(super) const HEAD: &str = "\u{feff}id,title,description,completed,priority,labels,due,\
    due_time_zone,due_date,created_at,updated_at,completed_at,deleted_at\r\n";

/// The first character of the file.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// The names of the columns.
pub const COLUMNS: [&str; 13] = [
    "id",
    "title",
    "description",
    "completed",
    "priority",
    "labels",
    "due",
    "due_time_zone",
    "due_date",
    "created_at",
    "updated_at",
    "completed_at",
    "deleted_at",
];

/// What a spreadsheet takes for the beginning of a formula, and the mark that says that it is
/// none.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
const FORMULAS: [char; 12] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', MARK];
const MARK: char = '\'';

/// Returns the row of a task, with its line ending.
pub(super) fn row(task: &Task) -> String {
    let Task {
        id,
        user_id: _,
        title,
        description,
        completed,
        priority,
        due,
        labels,
        updated_at,
        completed_at,
        deleted_at,
        revision: _,
    } = task;
    let (_, due, time_zone) = due.as_ref().map(|due| due.members()).unwrap_or_default();
    let labels = line(labels.as_slice());
    let moment = |moment: Option<Timestamp>| moment.map(|it| it.to_string()).unwrap_or_default();
    let row = line::<&str>(&[
        &id.to_string(),
        &defused(title),
        &defused(description.as_deref().unwrap_or_default()),
        if *completed { "true" } else { "false" },
        priority.map_or("", Priority::as_str),
        &defused(&labels),
        &due,
        time_zone.unwrap_or_default(),
        &moment(task.due_date()),
        &id.created_at().to_string(),
        &updated_at.to_string(),
        &moment(*completed_at),
        &moment(*deleted_at),
    ]);
    row + "\r\n"
}

/// Returns a text that no spreadsheet takes for a formula.
fn defused(text: &str) -> String {
    let mark = if text.starts_with(FORMULAS) { "'" } else { "" };
    format!("{mark}{text}")
}

/// Returns the text that was written as `cell`.
///
/// ```
/// assert_eq!(shared::http::plain("'=1+1"), "=1+1");
/// assert_eq!(shared::http::plain("''tis"), "'tis");
/// assert_eq!(shared::http::plain("Buy milk"), "Buy milk");
/// ```
#[cfg(any(test, feature = "tools"))]
#[must_use]
pub fn plain(cell: &str) -> &str {
    cell.strip_prefix(MARK).unwrap_or(cell)
}

/// Returns the labels in the plain text of a cell, which is a line of CSV itself; `None` if it
/// is none.
///
/// ```
/// assert_eq!(shared::http::split_labels("home,\"a, b\"").unwrap(), ["home", "a, b"]);
/// assert!(shared::http::split_labels("").unwrap().is_empty());
/// ```
#[cfg(any(test, feature = "tools"))]
#[must_use]
pub fn split_labels(text: &str) -> Option<Vec<String>> {
    // The reader leaves out empty lines, and a byte order mark only at the very beginning.
    let text = format!("\n{text}");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut lines = reader.records();
    let Some(line) = lines.next() else { return Some(Vec::new()) };
    let labels = line.ok()?.iter().map(str::to_owned).collect();
    lines.next().is_none().then_some(labels)
}

/// Returns a line of cells, without an ending.
fn line<T: AsRef<str>>(cells: &[T]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| quoted(cell.as_ref())).collect();
    cells.join(",")
}

/// Returns a cell, in quotes if it needs them. Semicolons and tabs do, because LibreOffice takes
/// them for separators too, unless told otherwise; what follows them could be a formula.
fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', ';', '\t', '"', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Labels, NewTask, TaskId};

    fn cells(title: &str, labels: &[&str]) -> Vec<String> {
        let labels = Labels::new(labels.iter().map(|label| (*label).to_owned()).collect()).unwrap();
        let new = NewTask { labels, ..NewTask::titled(title) };
        let row = row(&Task::with_id(TaskId::new(), "user_a", new));
        assert!(row.ends_with("\r\n"));
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), 1);
        records[0].iter().map(str::to_owned).collect()
    }

    #[test]
    fn the_head_names_the_columns() {
        assert_eq!(HEAD, format!("{BYTE_ORDER_MARK}{}\r\n", COLUMNS.join(",")));
        assert_eq!(cells("t", &[]).len(), COLUMNS.len());
    }

    #[test]
    fn no_text_is_a_formula_and_each_comes_back_as_it_was() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "＋1",
            "－1",
            "＠1",
            "'=1",
            "''",
            "'",
            "a=b",
            "a,\"b\"\r\nc",
            " padded ",
            "👋🏽",
        ] {
            let cell = cells(text, &[]).swap_remove(1);
            let dangerous = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
            assert!(!cell.starts_with(dangerous), "{cell:?}");
            assert_eq!(plain(&cell), text);
        }
    }

    #[test]
    fn separators_of_other_programs_are_quoted() {
        for title in ["a;=1+1;b", "a\t=1+1\tb"] {
            let row = row(&Task::with_id(TaskId::new(), "user_a", NewTask::titled(title)));
            assert!(row.contains(&format!(",\"{title}\",")), "{row}");
        }
    }

    #[test]
    fn labels_are_one_cell_and_come_back_in_their_order() {
        for labels in [
            vec![],
            vec!["home"],
            vec!["home", "=work", "a,b", "c\"d", "e\nf", "-"],
            vec!["=1", "x"],
            vec!["\"", "'"],
            vec!["a;b", "c\td"],
            vec!["\u{feff}a"],
        ] {
            let cell = cells("t", &labels).swap_remove(5);
            assert!(!cell.starts_with('='), "{cell}");
            assert_eq!(split_labels(plain(&cell)).unwrap(), labels, "{cell}");
        }
    }
}
