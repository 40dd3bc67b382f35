//! Listing tasks.

use super::Tasks;
use super::cursor;
use super::error::StoreError;
use super::merge::Merge;
use crate::task::{ListQuery, Page, PageBuilder};

impl Tasks<'_> {
    /// One page of the user's tasks, as `query` asks for them.
    ///
    /// What it reads depends on what it returns, never on how many tasks the
    /// user has: each list is a key range of one index, or of two that are read
    /// side by side and merged.
    ///
    /// The list of all tasks by creation shows every write that was answered
    /// before; the others come from indexes that lag behind by some
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadCursor`] if the cursor was made for another list.
    pub async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let start = query.cursor.as_deref().map(|text| cursor::decode(text, query)).transpose()?;
        let mut rows = Merge::new(*self, query, start);
        let mut page = PageBuilder::new(query.limit);
        let mut last = None;
        let mut next = None;
        while let Some(row) = rows.next().await? {
            if !page.push(&row.task) {
                next = last.map(|position| ListQuery {
                    cursor: Some(cursor::encode(query, &position)),
                    ..query.clone()
                });
                break;
            }
            last = Some(row.position);
        }
        Ok(page.finish(next))
    }
}
