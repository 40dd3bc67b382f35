//! The feed of changes as JSON.

use lambda_http::http::StatusCode;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::entity_tag;
use super::response::{json, to_json};
use super::{Page, Response};
use crate::store::FeedPage;
use crate::task::FeedEntry;

/// A change as the feed contains it: a task with its entity tag, or a deletion.
#[derive(Debug)]
pub struct Change<'a>(pub &'a FeedEntry);

impl Serialize for Change<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut change = serializer.serialize_map(None)?;
        change.serialize_entry("id", &self.0.id())?;
        match self.0 {
            FeedEntry::Task(task) => {
                change.serialize_entry("etag", &entity_tag::of(task))?;
                change.serialize_entry("task", task)?;
            }
            FeedEntry::Deletion { id: _, deleted_at } => {
                change.serialize_entry("deleted_at", deleted_at)?;
            }
        }
        change.end()
    }
}

/// 200 with the changes of `page` and the token for what follows.
#[must_use]
pub fn changes(page: Page, rest: &FeedPage) -> Response {
    let FeedPage { next, more } = rest;
    let (changes, next) = (page.into_json(), to_json(next));
    let body = format!("{{\"changes\":{changes},\"next\":{next},\"more\":{more}}}");
    json(StatusCode::OK, body)
}
