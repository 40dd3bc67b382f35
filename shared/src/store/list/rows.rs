//! The rows of a list, read on demand, one request at a time.

use std::collections::VecDeque;
use std::time::Instant;

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::ConsumedCapacity;

use super::range::{Position, Range, SortKey, ranges};
use crate::deadlines::PASSING;
use crate::store::Tasks;
use crate::store::attempts::repeat;
use crate::store::error::StoreError;
use crate::store::item::{
    self, COMPLETED, DELETED_AT, DUE_KEY, Item, TITLE_KEY, bytes, flag, number, string,
};
use crate::store::read::OF_THE_USER;
use crate::task::{ListQuery, Order, Sort, Status, Task};

/// How many rows one request reads for a list without a limit. DynamoDB would return a
/// megabyte, which takes ten times as much memory as SDK items.
const AT_ONCE: usize = 1000;

/// How many rows a reply passes over, at least, before it ends early: tasks in the trash
/// among the living ones, or tasks that have left it. It also ends early if it is still
/// passing over some after [`PASSING`], because large rows take long to read.
const PASSES_OVER: usize = 10_000;

/// How many rows the first request for a filtered list reads, at least. Most may not match.
const FIRST_SEARCH: usize = 100;

/// How many bytes of rows a page of a filtered list reads before it ends early. The last
/// request may read a megabyte more.
const SEARCHES: f64 = 1024.0 * 1024.0;

/// A task and its position.
pub(super) struct Row {
    pub(super) task: Task,
    pub(super) position: Position,
}

/// The rows of a list, in order.
pub(super) struct Rows<'a> {
    tasks: Tasks<'a>,
    query: &'a ListQuery,
    /// What is left to read.
    ranges: VecDeque<Range>,
    /// The key after which the first range continues.
    start: Option<Item>,
    /// How many rows were returned.
    found: usize,
    /// How many rows were read that are not in the list.
    passed: usize,
    /// How many bytes of rows were read.
    bytes: f64,
    began: Instant,
    /// How many rows the last request was to read.
    last_read: usize,
    /// The items that were read. Each becomes a task only when it is needed.
    items: VecDeque<Item>,
}

impl<'a> Rows<'a> {
    /// Returns the rows of `query` after `position`.
    pub(super) fn new(
        tasks: Tasks<'a>,
        query: &'a ListQuery,
        position: Option<&Position>,
    ) -> Rows<'a> {
        Rows {
            tasks,
            query,
            ranges: ranges(query, position),
            start: position.map(|position| start_key(tasks, query.status, position)),
            found: 0,
            passed: 0,
            bytes: 0.0,
            began: Instant::now(),
            last_read: 0,
            items: VecDeque::new(),
        }
    }

    /// Returns where to continue after the last row that was read, if that was not the end
    /// of the list.
    pub(super) fn rest(&self) -> Result<Option<Position>, StoreError> {
        let Some(start) = self.start.as_ref().filter(|_| !self.ranges.is_empty()) else {
            return Ok(None);
        };
        let key = SortKey::of(start, self.query.sort)?;
        Ok(Some(Position { key, id: item::id_of(start)? }))
    }

    /// Returns the next row; `None` after the last, or after passing over very many.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, StoreError> {
        loop {
            while let Some(item) = self.items.pop_front() {
                let key = SortKey::of(&item, self.query.sort)?;
                let task = item::into_task_of(self.tasks.user.id().to_owned(), item)?;
                if self.query.matches(&task) {
                    self.found += 1;
                    return Ok(Some(Row { position: Position { key, id: task.id }, task }));
                }
                self.passed += 1;
            }
            // Between two ranges there is no position to continue at.
            if self.start.is_some() && self.has_read_enough() {
                return Ok(None);
            }
            let Some(range) = self.ranges.pop_front() else { return Ok(None) };
            let output = self.read(&range).await?;
            self.passed += usize::try_from(output.scanned_count - output.count).unwrap_or(0);
            self.start = output.last_evaluated_key;
            if self.start.is_some() {
                self.ranges.push_front(range);
            }
            self.items = output.items.unwrap_or_default().into();
        }
    }

    fn has_read_enough(&self) -> bool {
        let has_passed_enough =
            self.passed >= PASSES_OVER || (self.passed > 0 && self.began.elapsed() > PASSING);
        // It reads no further only to learn whether there is another page.
        let is_full = || self.query.limit.is_some_and(|limit| self.found >= limit);
        has_passed_enough || (self.query.is_filtered() && (is_full() || self.bytes >= SEARCHES))
    }

    /// Returns how many rows to read next. Where there are some to pass over, there may be
    /// many, so each request reads twice as many as the one before.
    fn reads(&self) -> usize {
        let Some(limit) = self.query.limit else { return AT_ONCE };
        // One more row shows whether another page follows.
        let wanted = (limit + 1).saturating_sub(self.found).max(1);
        let least = match self.passed {
            0 if self.query.is_filtered() => FIRST_SEARCH,
            0 => 1,
            _ => 2 * self.last_read,
        };
        wanted.max(least.min(AT_ONCE))
    }

    async fn read(&mut self, range: &Range) -> Result<QueryOutput, StoreError> {
        let reads = self.reads();
        self.last_read = reads;
        let mut condition = OF_THE_USER.to_owned();
        let mut query = self
            .tasks
            .query()
            .projection_expression(attributes(self.query.sort))
            .scan_index_forward(self.query.order == Order::Asc)
            .set_exclusive_start_key(self.start.take())
            .limit(i32::try_from(reads).unwrap_or(i32::MAX));
        let index = index(self.query.status, self.query.sort);
        let is_consistent = index.is_none();
        query = match index {
            // Only the table itself supports consistent reads.
            None => query.consistent_read(true),
            Some(index) => query.index_name(index),
        };
        if let Some(completed) = partition(self.query.status) {
            condition.push_str(" AND completed = :completed");
            query = query.expression_attribute_values(":completed", flag(completed));
        }
        if let Range::Due(from, to) = range {
            condition.push_str(" AND due_key BETWEEN :from AND :to");
            query = query
                .expression_attribute_values(":from", string(from))
                .expression_attribute_values(":to", string(to));
        }
        let query = self.pass_over(query).key_condition_expression(condition);
        let (result, _) = repeat(self.tasks.began, || query.clone().send()).await;
        let output = result?;
        self.bytes += bytes_of(&output, is_consistent);
        Ok(output)
    }

    /// Leaves out what is in the range, but not in any list like this.
    fn pass_over(&self, query: QueryFluentBuilder) -> QueryFluentBuilder {
        match (self.query.status, self.query.sort) {
            // The table itself has the trash too.
            (Status::All, Sort::Created) => query.filter_expression("attribute_exists(completed)"),
            (Status::Deleted, _) => {
                // DynamoDB takes days to remove them.
                let now = self.tasks.store.clock.now().unix_seconds();
                let query = query.filter_expression("expires_at > :now");
                query.expression_attribute_values(":now", number(now))
            }
            _ => query,
        }
    }
}

/// Returns how many bytes of rows were read: a request unit is 4 KiB, or 8 KiB of an index.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
fn bytes_of(output: &QueryOutput, is_consistent: bool) -> f64 {
    let units = output.consumed_capacity().and_then(ConsumedCapacity::capacity_units);
    units.unwrap_or_default() * if is_consistent { 4096.0 } else { 8192.0 }
}

/// Returns the index that has these tasks in this order; `None` for the table itself.
fn index(status: Status, sort: Sort) -> Option<&'static str> {
    match (status, sort) {
        (Status::Deleted, _) | (_, Sort::Deleted) => Some("by_deleted"),
        (Status::All, Sort::Created) => None,
        (Status::All, Sort::Title) => Some("all_by_title"),
        (Status::All, Sort::DueDate) => Some("all_by_due"),
        (Status::Pending | Status::Completed, Sort::Created) => Some("by_created"),
        (Status::Pending | Status::Completed, Sort::Title) => Some("by_title"),
        (Status::Pending | Status::Completed, Sort::DueDate) => Some("by_due"),
    }
}

/// Returns which half of the user's living tasks to read; `None` for any task.
fn partition(status: Status) -> Option<bool> {
    match status {
        Status::All | Status::Deleted => None,
        Status::Pending => Some(false),
        Status::Completed => Some(true),
    }
}

/// Returns the attributes to read: those of a task, and the sort key. The rest, a third
/// of an item, are keys of other orders.
fn attributes(sort: Sort) -> String {
    let order: &[&str] = match sort {
        Sort::Created | Sort::DueDate => &[],
        Sort::Title => &[TITLE_KEY],
        Sort::Deleted => &item::OF_THE_TRASH,
    };
    [&item::OF_A_TASK, order].concat().join(", ")
}

/// Returns the key that DynamoDB starts after. No item needs to have it: the row may have
/// been deleted or moved.
fn start_key(tasks: Tasks<'_>, status: Status, position: &Position) -> Item {
    let mut key = tasks.key(position.id);
    if let Some(completed) = partition(status) {
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
        SortKey::Deleted(moment) => {
            key.insert(DELETED_AT.into(), string(moment));
        }
    }
    key
}
