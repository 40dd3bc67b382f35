//! Listing tasks.

mod cursor;
mod range;
mod rows;

use super::Tasks;
use super::error::StoreError;
use crate::task::{ListQuery, Task};
use rows::{Row, Rows};

impl Tasks<'_> {
    /// Passes the tasks of `query` to `take`, one by one, until there are no more, the
    /// limit of `query` is reached, or `take` rejects a task by returning `false`.
    /// Returns the query for the remaining tasks, or `None` if there are no more.
    ///
    /// Without a filter, what it reads depends on the tasks it passes on, never on how many
    /// tasks the user has: each list is a key range of the table or of one index. In the list
    /// of all by creation, which is the table, it passes over the trash; after 10,000 of these
    /// it ends early, perhaps without any task. A filtered list passes over all tasks of the
    /// range that do not match, and ends early after 1 MiB of tasks.
    ///
    /// The list of all tasks by creation includes every write that was acknowledged
    /// before. The others come from indexes, which lag behind by some milliseconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadCursor`] if the cursor was made for another list or another user.
    pub async fn list(
        &self,
        query: &ListQuery,
        mut take: impl FnMut(Task) -> bool,
    ) -> Result<Option<ListQuery>, StoreError> {
        let decode = |text: &String| cursor::decode(text, self.user, query);
        let position = query.cursor.as_ref().map(decode).transpose()?;
        let mut rows = Rows::new(*self, query, position.as_ref());
        let (mut taken, mut last) = (0, None);
        let next = loop {
            let Some(Row { task, position }) = rows.next().await? else { break rows.rest()? };
            if query.limit == Some(taken) || !take(task) {
                break last;
            }
            taken += 1;
            last = Some(position);
        };
        Ok(next.map(|position| {
            let cursor = cursor::encode(self.user, query, &position);
            ListQuery { cursor: Some(cursor), ..query.clone() }
        }))
    }
}
