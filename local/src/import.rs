//! Imports files of tasks: what an export has written, or the to-dos of any calendar.

mod calendar;
mod csv;
mod record;

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context, Result};
use futures::{StreamExt, stream};
use serde_json::{Deserializer, Map, Value};
use shared::User;
use shared::http::BYTE_ORDER_MARK;
use shared::store::{Imported, Store};
use shared::task::{Format, Task};

/// How many tasks are written at a time.
const CONCURRENCY: usize = 8;

/// One entry of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it is, such as `line 7`.
    pub place: String,
    /// The task, or why it is none.
    pub task: Result<Task, String>,
    /// What of it is not imported.
    pub notes: Vec<String>,
}

/// What became of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Stored now.
    pub stored: usize,
    /// Left as they are: the user has tasks with these ids.
    pub existing: usize,
    /// Left out: they would not be in the trash any more.
    pub expired: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { stored, existing, expired } = self;
        write!(f, "{stored} tasks stored, {existing} there already")?;
        if *expired > 0 {
            write!(f, ", {expired} left out: they were deleted more than 30 days ago")?;
        }
        Ok(())
    }
}

/// A task as an export has it in JSON, and where it was.
type Place = (String, Map<String, Value>, Vec<String>);

/// Reads a file as tasks of the user `user_id`, whoever had them before. Of entries with the
/// same id, the last counts.
///
/// # Errors
///
/// If it is not a file of this format.
pub fn read(text: &str, format: Format, user_id: &str) -> Result<Vec<Entry>> {
    let mut known = HashMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    let text = text.trim_start_matches(BYTE_ORDER_MARK);
    let places = match format {
        Format::Json => json(text)?,
        Format::Csv => csv::read(text)?,
        Format::Ics => calendar::read(text, user_id)?,
    };
    for (place, object, notes) in places {
        let entry = Entry { place, task: record::task(object, user_id), notes };
        let at = match &entry.task {
            Ok(task) => *known.entry(task.id).or_insert(entries.len()),
            Err(_) => entries.len(),
        };
        match entries.get_mut(at) {
            Some(earlier) => {
                let note = format!("it replaces {}, which has the same id", earlier.place);
                *earlier = entry;
                earlier.notes.push(note);
            }
            None => entries.push(entry),
        }
    }
    Ok(entries)
}

/// Reads one or more arrays: the pages of an export.
fn json(text: &str) -> Result<Vec<Place>> {
    let mut tasks = Vec::new();
    for page in Deserializer::from_str(text).into_iter::<Vec<Map<String, Value>>>() {
        tasks.extend(page.context("not an array of tasks")?);
    }
    let place = |(index, object)| (format!("task {}", index + 1), object, Vec::new());
    Ok(tasks.into_iter().enumerate().map(place).collect())
}

/// Stores `tasks`, unless `user` has tasks with their ids. Calls `progress` with the number of
/// tasks that are done. Repeating it stores nothing twice.
///
/// # Errors
///
/// If DynamoDB fails. What is already stored remains.
pub async fn import(
    store: &Store,
    user: &User,
    tasks: Vec<Task>,
    progress: impl Fn(u64),
) -> Result<Totals> {
    let mut totals = Totals::default();
    let stored = stream::iter(tasks).map(async |task| store.tasks(user).import(task).await);
    let mut stored = std::pin::pin!(stored.buffer_unordered(CONCURRENCY));
    while let Some(result) = stored.next().await {
        let count = match result? {
            Imported::Stored => &mut totals.stored,
            Imported::Existing => &mut totals.existing,
            Imported::Expired => &mut totals.expired,
        };
        *count += 1;
        let Totals { stored, existing, expired } = totals;
        progress((stored + existing + expired) as u64);
    }
    Ok(totals)
}
