//! One partition of the table or of an index, in order.

use std::collections::VecDeque;

use aws_sdk_dynamodb::types::AttributeValue;

use super::Tasks;
use super::attempts::repeat;
use super::error::{BadItem, StoreError};
use super::item::{self, COMPLETED, DUE_KEY, Item, TITLE_KEY, UNDATED, bytes, flag, string};
use crate::task::{ListQuery, Order, Sort, Task, TaskId, Timestamp, Window};

/// The first due key that is a date. DynamoDB takes no empty string for a key,
/// not even as a bound.
const FIRST_DATE: &str = "0001-01-01T00:00:00.000Z";

/// The last due key that is a date.
const LAST_DATE: &str = "9999-12-31T23:59:59.999Z";

/// A task and where it stands.
pub(super) struct Row {
    pub(super) task: Task,
    pub(super) position: Position,
}

/// A place in a list: what it is sorted by, and then creation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) key: SortKey,
    pub(super) id: TaskId,
}

/// The value that a list is sorted by, as the index holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SortKey {
    Created,
    Title(Vec<u8>),
    Due(String),
}

impl SortKey {
    pub(super) fn is_undated(&self) -> bool {
        matches!(self, SortKey::Due(key) if key == UNDATED)
    }
}

/// The part of a partition that a list contains.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// Due keys from the first to the second, both included.
    Due(String, String),
}

/// Reads one partition, request by request, as rows are asked for.
pub(super) struct Walk<'a> {
    tasks: Tasks<'a>,
    sort: Sort,
    order: Order,
    /// The partition of an index; `None` for the table itself.
    completed: Option<bool>,
    /// What is still to be read, one after the other.
    ranges: VecDeque<Range>,
    /// Where to go on in the first of them.
    start: Option<Item>,
    /// How many more rows are worth reading; `None` for all.
    wanted: Option<usize>,
    rows: VecDeque<Row>,
}

impl<'a> Walk<'a> {
    /// The rows of `query` in one partition behind `start`, of which the
    /// caller will need about `wanted`.
    pub(super) fn new(
        tasks: Tasks<'a>,
        query: &ListQuery,
        completed: Option<bool>,
        start: Option<&Position>,
        wanted: Option<usize>,
    ) -> Walk<'a> {
        let mut walk = Walk {
            tasks,
            sort: query.sort,
            order: query.order,
            completed,
            ranges: ranges(query),
            start: None,
            wanted,
            rows: VecDeque::new(),
        };
        if let Some(position) = start {
            if position.key.is_undated() && walk.ranges.len() > 1 {
                walk.ranges.pop_front();
            }
            walk.start = Some(walk.start_key(position));
        }
        walk
    }

    /// The next row, if [`Walk::fill`] found one.
    pub(super) fn peek(&self) -> Option<&Row> {
        self.rows.front()
    }

    /// Takes the next row.
    pub(super) fn pop(&mut self) -> Option<Row> {
        let row = self.rows.pop_front()?;
        self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(1));
        Some(row)
    }

    /// Reads on until there is a next row, or nothing more to read.
    pub(super) async fn fill(&mut self) -> Result<(), StoreError> {
        while self.rows.is_empty()
            && let Some(range) = self.ranges.front()
        {
            let range = range.clone();
            let start = self.start.take();
            let output = self.query(&range, start).await?;
            for item in output.items.unwrap_or_default() {
                self.rows.push_back(row(item, self.sort)?);
            }
            self.start = output.last_evaluated_key;
            if self.start.is_none() {
                self.ranges.pop_front();
            }
        }
        Ok(())
    }

    async fn query(
        &self,
        range: &Range,
        start: Option<Item>,
    ) -> Result<aws_sdk_dynamodb::operation::query::QueryOutput, StoreError> {
        let mut condition = "user_id = :user".to_owned();
        let mut query = self
            .tasks
            .store
            .client
            .query()
            .table_name(&self.tasks.store.table)
            .expression_attribute_values(":user", string(self.tasks.user.id()))
            .scan_index_forward(self.order == Order::Asc)
            .set_exclusive_start_key(start);
        query = match self.completed {
            // Only the table itself can be read consistently.
            None => query.consistent_read(true),
            Some(completed) => {
                condition.push_str(" AND completed = :completed");
                query
                    .index_name(index(self.sort))
                    .expression_attribute_values(":completed", flag(completed))
            }
        };
        if let Range::Due(from, to) = range {
            condition.push_str(" AND due_key BETWEEN :from AND :to");
            query = query
                .expression_attribute_values(":from", string(from))
                .expression_attribute_values(":to", string(to));
        }
        if let Some(wanted) = self.wanted {
            query = query.limit(i32::try_from(wanted.max(1)).unwrap_or(i32::MAX));
        }
        let query = query.key_condition_expression(condition);
        let (result, _) = repeat(self.tasks.began, || query.clone().send()).await;
        Ok(result?)
    }

    /// The key that DynamoDB starts behind. No item needs to have it: the row
    /// may be gone by now, or be in the other partition of a merge.
    fn start_key(&self, position: &Position) -> Item {
        let mut key = self.tasks.key(position.id);
        if let Some(completed) = self.completed {
            key.insert(COMPLETED.into(), flag(completed));
        }
        match &position.key {
            SortKey::Created => {}
            SortKey::Title(title) => {
                key.insert(TITLE_KEY.into(), bytes(title.clone()));
            }
            SortKey::Due(due) => {
                key.insert(DUE_KEY.into(), string(due));
            }
        }
        key
    }
}

/// The index that is sorted by `sort`.
fn index(sort: Sort) -> &'static str {
    match sort {
        Sort::Created => "by_created",
        Sort::Title => "by_title",
        Sort::DueDate => "by_due",
    }
}

/// What to read for `query`, in this order. Descending by due date, the
/// undated tasks, which the index has last, must not come first.
fn ranges(query: &ListQuery) -> VecDeque<Range> {
    let undated = || Range::Due(UNDATED.to_owned(), UNDATED.to_owned());
    match (query.sort, query.order) {
        (Sort::DueDate, _) if query.window.is_bounded() => {
            dated(query.window).into_iter().collect()
        }
        (Sort::DueDate, Order::Desc) => {
            dated(query.window).into_iter().chain([undated()]).collect()
        }
        _ => VecDeque::from([Range::Whole]),
    }
}

/// The due dates in `window`; `None` if it ends before all dates.
fn dated(window: Window) -> Option<Range> {
    let from = window.after.map_or_else(|| FIRST_DATE.to_owned(), |after| after.to_string());
    let to = match window.before {
        None => LAST_DATE.to_owned(),
        Some(before) => before.pred()?.to_string(),
    };
    Some(Range::Due(from, to))
}

fn row(mut item: Item, sort: Sort) -> Result<Row, BadItem> {
    let key = match sort {
        Sort::Created => SortKey::Created,
        Sort::Title => match item.remove(TITLE_KEY) {
            Some(AttributeValue::B(key)) => SortKey::Title(key.into_inner()),
            _ => return Err(BadItem { attribute: TITLE_KEY }),
        },
        Sort::DueDate => match item.get(DUE_KEY) {
            Some(AttributeValue::S(key)) => SortKey::Due(key.clone()),
            _ => return Err(BadItem { attribute: DUE_KEY }),
        },
    };
    let task = item::into_task(item)?;
    Ok(Row { position: Position { key, id: task.id }, task })
}

impl Window {
    /// Whether a task with this due key is in the window.
    pub(super) fn contains_key(&self, due_key: &str) -> bool {
        match Timestamp::parse(due_key) {
            None => !self.is_bounded(),
            Some(due) => {
                self.after.is_none_or(|after| after <= due)
                    && self.before.is_none_or(|before| due < before)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_range_has_an_empty_bound_or_ends_before_it_begins() {
        let first = Timestamp::parse("0001-01-01");
        let second = Timestamp::parse("0001-01-01T00:00:00.001Z");
        let windows =
            [(None, None), (None, first), (None, second), (first, second), (second, None)];
        for (after, before) in windows {
            for order in [Order::Asc, Order::Desc] {
                let window = Window { after, before };
                let query =
                    ListQuery { sort: Sort::DueDate, order, window, ..ListQuery::default() };
                for range in ranges(&query) {
                    if let Range::Due(from, to) = range {
                        assert!(!from.is_empty() && from <= to, "{from} {to}");
                    }
                }
            }
        }
    }
}
