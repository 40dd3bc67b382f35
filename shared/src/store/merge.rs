//! Lists that are spread over two partitions of an index.

use std::cmp::Ordering;

use super::Tasks;
use super::error::StoreError;
use super::walk::{Position, Row, Walk};
use crate::task::{ListQuery, Order, Sort, Status};

/// The rows of a list in their order, from one walk or from two.
pub(super) struct Merge<'a> {
    first: Walk<'a>,
    second: Option<Walk<'a>>,
    order: Order,
}

impl<'a> Merge<'a> {
    /// The rows of `query` behind `start`.
    pub(super) fn new(tasks: Tasks<'a>, query: &ListQuery, start: Option<Position>) -> Merge<'a> {
        let walk = |completed, rows| Walk::new(tasks, query, completed, start.as_ref(), rows);
        // One row more than the page holds tells whether another page follows.
        let one_more = query.limit.map(|limit| limit + 1);
        let (first, second) = match (query.status, query.sort) {
            (Status::Pending, _) => (walk(Some(false), one_more), None),
            (Status::Completed, _) => (walk(Some(true), one_more), None),
            (Status::All, Sort::Created) => (walk(None, one_more), None),
            // Of two full halves there is always a row left over.
            (Status::All, Sort::Title | Sort::DueDate) => {
                (walk(Some(false), query.limit), Some(walk(Some(true), query.limit)))
            }
        };
        Merge { first, second, order: query.order }
    }

    /// The next row; `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, StoreError> {
        let Some(second) = &mut self.second else {
            self.first.fill().await?;
            return Ok(self.first.pop());
        };
        tokio::try_join!(self.first.fill(), second.fill())?;
        let second_is_next = match (self.first.peek(), second.peek()) {
            (Some(a), Some(b)) => compare(&b.position, &a.position, self.order) == Ordering::Less,
            (None, _) => true,
            (_, None) => false,
        };
        Ok(if second_is_next { second.pop() } else { self.first.pop() })
    }
}

/// Which position comes first. Undated tasks come last in both directions.
fn compare(a: &Position, b: &Position, order: Order) -> Ordering {
    let undated = a.key.is_undated().cmp(&b.key.is_undated());
    let ascending = a.cmp(b);
    undated.then(match order {
        Order::Asc => ascending,
        Order::Desc => ascending.reverse(),
    })
}
