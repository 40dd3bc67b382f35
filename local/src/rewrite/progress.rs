//! How far a rewrite has come, in a file that survives it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use shared::store;

/// Into how many segments the table is divided.
pub(super) const SEGMENTS: usize = 8;

/// How far a segment has been read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Position {
    Start,
    After { user_id: String, task_id: String },
    Done,
}

impl Position {
    /// The position after a page that ended with `key`.
    pub(super) fn after(key: Option<&HashMap<String, AttributeValue>>) -> Result<Position> {
        let Some(key) = key else { return Ok(Position::Done) };
        let text = |name: &str| {
            let text = key.get(name).and_then(|value| value.as_s().ok()).cloned();
            text.with_context(|| format!("the table's keys have no {name}"))
        };
        Ok(Position::After { user_id: text("user_id")?, task_id: text("task_id")? })
    }

    /// The key after which the next page begins.
    pub(super) fn key(self) -> Option<HashMap<String, AttributeValue>> {
        let Position::After { user_id, task_id } = self else { return None };
        Some(HashMap::from([
            ("user_id".to_owned(), AttributeValue::S(user_id)),
            ("task_id".to_owned(), AttributeValue::S(task_id)),
        ]))
    }
}

/// The positions of all segments.
#[derive(Debug)]
pub(super) struct Progress {
    path: Option<PathBuf>,
    is_continued: bool,
    stored: Mutex<Stored>,
}

/// The content of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    /// The id of the table: another one of the same name has another.
    table: String,
    /// What the items are rewritten to.
    version: String,
    segments: Vec<Position>,
}

impl Progress {
    /// Opens the file of the table with this id, if it exists. Without a path, nothing is
    /// stored.
    pub(super) fn open(path: Option<PathBuf>, table: &str) -> Result<Progress> {
        let start = Stored {
            table: table.to_owned(),
            version: store::rewrite_version(),
            segments: vec![Position::Start; SEGMENTS],
        };
        let earlier = path.as_deref().map(read).transpose()?.flatten();
        let is_continued = earlier.is_some();
        let stored = earlier.unwrap_or_else(|| start.clone());
        if let Some(path) = &path {
            let path = path.display();
            if stored.table != start.table {
                bail!("{path} belongs to another table: use another --state, or delete it");
            }
            if stored.version != start.version || stored.segments.len() != SEGMENTS {
                bail!("{path} was begun by another version: delete it to start anew");
            }
        }
        Ok(Progress { path, is_continued, stored: Mutex::new(stored) })
    }

    pub(super) fn is_continued(&self) -> bool {
        self.is_continued
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The position of a segment.
    pub(super) fn of(&self, segment: usize) -> Position {
        self.stored().segments.get(segment).cloned().unwrap_or(Position::Done)
    }

    /// Stores the position of a segment, before which everything has been rewritten.
    pub(super) fn advance(&self, segment: usize, position: Position) -> Result<()> {
        let mut stored = self.stored();
        if let Some(it) = stored.segments.get_mut(segment) {
            *it = position;
        }
        let Some(path) = &self.path else { return Ok(()) };
        // Whole or not at all: a rewrite may be killed at any time.
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(&*stored)?)
            .and_then(|()| fs::rename(&new, path))
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Deletes the file: there is nothing left to do.
    pub(super) fn finish(&self) -> Result<()> {
        let Some(path) = self.path.as_deref().filter(|path| path.exists()) else { return Ok(()) };
        fs::remove_file(path).with_context(|| format!("deleting {}", path.display()))
    }
}

fn read(path: &Path) -> Result<Option<Stored>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let stored = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not the state of a rewrite", path.display()))?;
    Ok(Some(stored))
}
