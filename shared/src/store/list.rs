//! Listing tasks.

mod cursor;
mod range;
mod rows;

use super::Tasks;
use super::error::StoreError;
use crate::task::{ListQuery, Page, PageBuilder};
use rows::Rows;

impl Tasks<'_> {
    /// One page of the user's tasks, as `query` asks for them.
    ///
    /// What it reads depends on what it returns, never on how many tasks the
    /// user has: each list is a key range of the table or of one index.
    ///
    /// The list of all tasks by creation shows every write that was answered
    /// before; the others come from indexes that lag behind by some
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadCursor`] if the cursor was made for another list or
    /// another user.
    pub async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let decode = |text: &String| cursor::decode(text, self.user, query);
        let position = query.cursor.as_ref().map(decode).transpose()?;
        let mut rows = Rows::new(*self, query, position.as_ref());
        let mut page = PageBuilder::new(query.limit);
        let mut last = None;
        while let Some(row) = rows.next().await? {
            if !page.push(&row.task) {
                let next = last.map(|position| {
                    let cursor = cursor::encode(self.user, query, &position);
                    ListQuery { cursor: Some(cursor), ..query.clone() }
                });
                return Ok(page.finish(next));
            }
            last = Some(row.position);
        }
        Ok(page.finish(None))
    }
}
