//! Lists that are spread over two partitions of an index.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::Tasks;
use super::cursor::Progress;
use super::error::StoreError;
use super::reader::{Position, Reader, Row};
use super::share::Share;
use crate::task::{ListQuery, Order, Sort, Status, TaskId};

/// The rows of a list in their order, from one reader or from two, and each task
/// once.
pub(super) struct Merge<'a> {
    first: Reader<'a>,
    second: Option<Reader<'a>>,
    order: Order,
    /// How many more rows the page has room for; `None` for any number.
    room: Option<usize>,
    share: Share,
    /// How many rows came from each.
    taken: (usize, usize),
    /// A task that is written while it is read may be found in both.
    seen: HashSet<TaskId>,
}

impl<'a> Merge<'a> {
    /// The rows of `query` behind `progress`.
    pub(super) fn new(
        tasks: Tasks<'a>,
        query: &ListQuery,
        progress: Option<&Progress>,
    ) -> Merge<'a> {
        let share = progress.map(|progress| progress.share).unwrap_or_default();
        let read = |completed, rows| Reader::new(tasks, query, completed, progress, rows);
        let (first, second) = match (query.status, query.sort) {
            (Status::Pending, _) => (read(Some(false), None), None),
            (Status::Completed, _) => (read(Some(true), None), None),
            (Status::All, Sort::Created) => (read(None, None), None),
            (Status::All, Sort::Title | Sort::DueDate) => {
                let expected = query.limit.map(|limit| share.reads(limit)).unzip();
                (read(Some(false), expected.0), Some(read(Some(true), expected.1)))
            }
        };
        let (taken, seen) = ((0, 0), HashSet::new());
        Merge { first, second, order: query.order, room: query.limit, share, taken, seen }
    }

    /// The next row; `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, StoreError> {
        while let Some(row) = self.pop().await? {
            if self.seen.insert(row.task.id) {
                self.room = self.room.map(|room| room.saturating_sub(1));
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Whether there is a row behind those that were taken. Unlike
    /// [`Merge::next`] it need not know which, and so hardly ever reads on.
    pub(super) async fn has_more(&mut self) -> Result<bool, StoreError> {
        Ok(self.has_rows() || self.reach().await?)
    }

    /// How the rows were divided, up to those that were taken.
    pub(super) fn share(&self) -> Share {
        if self.second.is_some() { self.share.after(self.taken) } else { self.share }
    }

    /// Takes the next row, whether it was seen or not.
    async fn pop(&mut self) -> Result<Option<Row>, StoreError> {
        if !self.reach().await? {
            return Ok(None);
        }
        let second_is_next = match (self.first.peek(), self.second.as_ref().and_then(Reader::peek))
        {
            (Some(a), Some(b)) => compare(&b.position, &a.position, self.order) == Ordering::Less,
            (first, _) => first.is_none(),
        };
        match &mut self.second {
            Some(second) if second_is_next => {
                self.taken.1 += 1;
                Ok(second.pop())
            }
            _ => {
                self.taken.0 += 1;
                Ok(self.first.pop())
            }
        }
    }

    /// Fills the readers, and goes on with them until there is a row; `false` if
    /// there is none any more.
    async fn reach(&mut self) -> Result<bool, StoreError> {
        loop {
            self.fill().await?;
            if self.has_rows() {
                return Ok(true);
            }
            if !self.go_on() {
                return Ok(false);
            }
        }
    }

    /// Gives each reader a next row, if its range has one. Both read at once.
    async fn fill(&mut self) -> Result<(), StoreError> {
        // One row more than there is room for tells whether another page
        // follows, unless the other reader has one to spare.
        let one_more = |other: bool| self.room.map(|room| room + usize::from(!other));
        let Some(second) = &mut self.second else { return self.first.fill(one_more(false)).await };
        let (first_wants, second_wants) =
            (one_more(second.has_rows()), one_more(self.first.has_rows()));
        tokio::try_join!(self.first.fill(first_wants), second.fill(second_wants))?;
        Ok(())
    }

    fn has_rows(&self) -> bool {
        self.first.has_rows() || self.second.as_ref().is_some_and(Reader::has_rows)
    }

    /// Goes on to the undated tasks, once there are no dated ones left anywhere.
    fn go_on(&mut self) -> bool {
        let second = self.second.as_mut().is_some_and(Reader::go_on);
        self.first.go_on() || second
    }
}

/// Which position comes first.
fn compare(a: &Position, b: &Position, order: Order) -> Ordering {
    match order {
        Order::Asc => a.cmp(b),
        Order::Desc => b.cmp(a),
    }
}
