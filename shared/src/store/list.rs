//! Listing tasks.

use super::Tasks;
use super::cursor::{self, Progress};
use super::error::StoreError;
use super::merge::Merge;
use crate::task::{ListQuery, Page, PageBuilder, Timestamp};

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
    /// No task comes twice in one walk through the pages: one whose title or due
    /// date was set since the walk began, if only to what it was, may stand
    /// elsewhere now, and later pages leave it out where they are sorted by that.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadCursor`] if the cursor was made for another list or
    /// another user.
    pub async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let now = Timestamp::now();
        let decode = |text: &String| cursor::decode(text, self.user, query);
        let progress = query.cursor.as_ref().map(decode).transpose()?;
        let mut rows = Merge::new(*self, query, progress.as_ref());
        let mut page = PageBuilder::new(query.limit);
        let (mut last, mut left_over) = (None, false);
        while !left_over
            && !page.has_reached_limit()
            && let Some(row) = rows.next().await?
        {
            if page.push(&row.task) {
                last = Some(row.position);
            } else {
                left_over = true;
            }
        }
        let more = left_over || (page.has_reached_limit() && rows.has_more().await?);
        let next = last.filter(|_| more).map(|position| {
            let walk_began = progress.map_or(now, |progress| progress.walk_began);
            let progress = Progress { position, walk_began, share: rows.share() };
            let cursor = cursor::encode(self.user, query, &progress);
            ListQuery { cursor: Some(cursor), ..query.clone() }
        });
        Ok(page.finish(next))
    }
}
