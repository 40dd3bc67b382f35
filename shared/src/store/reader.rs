//! One partition of the table or of an index, in order.

use std::collections::VecDeque;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::Tasks;
use super::attempts::repeat;
use super::cursor::Progress;
use super::error::{BadItem, StoreError};
use super::item::{
    self, COMPLETED, DUE_CHANGED, DUE_KEY, Item, TITLE_CHANGED, TITLE_KEY, UNDATED, bytes, flag,
    string,
};
use crate::task::{ListQuery, Order, Sort, Task, TaskId, Timestamp, Window};

/// The first due key that is a date. DynamoDB takes no empty string for a key,
/// not even as a bound.
const FIRST_DATE: &str = "0001-01-01T00:00:00.000Z";

/// The last due key that is a date.
const LAST_DATE: &str = "9999-12-31T23:59:59.999Z";

/// How many rows are read by one request of a list without a limit. DynamoDB
/// would give a megabyte; as items of the SDK that is ten times as much memory,
/// and twice that where two are read side by side.
const AT_ONCE: usize = 1000;

/// For how long a walk leaves out tasks that were moved after its beginning. It
/// bounds how much a page may have to leave out.
const MOVES_REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

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
pub(super) struct Reader<'a> {
    tasks: Tasks<'a>,
    sort: Sort,
    order: Order,
    /// The partition of an index; `None` for the table itself.
    completed: Option<bool>,
    /// What is being read.
    range: Option<Range>,
    /// What comes behind it: the undated tasks behind the dated ones.
    later: Option<Range>,
    /// Where to go on in the range.
    start: Option<Item>,
    /// Tasks that were moved since then are left out.
    walk_began: Option<Timestamp>,
    /// How many rows will probably do, as long as that is not refuted.
    expected: Option<usize>,
    next: Option<Row>,
    /// What was read behind it. A merge leaves some of it unused, so each item
    /// becomes a task when it is its turn.
    items: VecDeque<Item>,
}

impl<'a> Reader<'a> {
    /// The rows of `query` in one partition behind `progress`, of which the
    /// caller will probably need no more than `expected`.
    pub(super) fn new(
        tasks: Tasks<'a>,
        query: &ListQuery,
        completed: Option<bool>,
        progress: Option<&Progress>,
        expected: Option<usize>,
    ) -> Reader<'a> {
        let (range, later) = ranges(query);
        let oldest = Timestamp::now().minus(MOVES_REMEMBERED);
        let mut reader = Reader {
            tasks,
            sort: query.sort,
            order: query.order,
            completed,
            range,
            later,
            start: None,
            walk_began: progress.map(|progress| progress.walk_began.max(oldest)),
            expected,
            next: None,
            items: VecDeque::new(),
        };
        if let Some(Progress { position, .. }) = progress {
            reader.go_on_behind(position);
        }
        reader
    }

    fn go_on_behind(&mut self, position: &Position) {
        if position.key.is_undated() && self.later.is_some() {
            self.range = self.later.take();
        }
        // DynamoDB starts at the key below anyway; what stands before it is cut
        // off the range too, for an emulator that would read it first.
        if let (Some(Range::Due(from, to)), SortKey::Due(key)) = (&mut self.range, &position.key) {
            let bound = if self.order == Order::Asc { from } else { to };
            bound.clone_from(key);
        }
        self.start = Some(self.start_key(position));
    }

    /// The next row, if [`Reader::fill`] found one.
    pub(super) fn peek(&self) -> Option<&Row> {
        self.next.as_ref()
    }

    /// Whether a row has been read that was not taken.
    pub(super) fn has_rows(&self) -> bool {
        self.next.is_some() || !self.items.is_empty()
    }

    /// Takes the next row.
    pub(super) fn pop(&mut self) -> Option<Row> {
        self.next.take()
    }

    /// Reads on until there is a next row, or the range ends. The caller has use
    /// for `wanted` rows, or for all.
    pub(super) async fn fill(&mut self, wanted: Option<usize>) -> Result<(), StoreError> {
        if self.next.is_some() {
            return Ok(());
        }
        let mut reads = wanted.unwrap_or(AT_ONCE).max(1);
        while self.items.is_empty()
            && let Some(range) = self.range.take()
        {
            reads = self.expected.take().unwrap_or(reads);
            let start = self.start.take();
            let output = self.query(&range, start, reads).await?;
            for item in output.items.unwrap_or_default() {
                if !self.has_moved(&item)? {
                    self.items.push_back(item);
                }
            }
            self.start = output.last_evaluated_key;
            if self.start.is_some() {
                self.range = Some(range);
                // A run of moved tasks is passed in longer and longer steps.
                reads = AT_ONCE.min(10 * reads);
            } else {
                self.expected = reads.checked_sub(self.items.len()).filter(|rest| *rest > 0);
            }
        }
        let user = self.tasks.user.id();
        self.next = self.items.pop_front().map(|item| row(item, self.sort, user)).transpose()?;
        Ok(())
    }

    /// Goes on to what comes behind the range, if there is anything.
    pub(super) fn go_on(&mut self) -> bool {
        self.range = self.later.take();
        self.range.is_some()
    }

    /// Whether a task got its place in this list after the walk had begun: an
    /// earlier page may have shown it where it was before.
    fn has_moved(&self, item: &Item) -> Result<bool, BadItem> {
        let attribute = match self.sort {
            Sort::Created => return Ok(false),
            Sort::Title => TITLE_CHANGED,
            Sort::DueDate => DUE_CHANGED,
        };
        let changed = item::moment_of(item, attribute)?;
        Ok(self.walk_began.zip(changed).is_some_and(|(began, changed)| changed >= began))
    }

    async fn query(
        &self,
        range: &Range,
        start: Option<Item>,
        reads: usize,
    ) -> Result<aws_sdk_dynamodb::operation::query::QueryOutput, StoreError> {
        let mut condition = "user_id = :user".to_owned();
        let mut query = self
            .tasks
            .store
            .client
            .query()
            .table_name(&self.tasks.store.table)
            .expression_attribute_values(":user", string(self.tasks.user.id()))
            .projection_expression(attributes(self.sort))
            .scan_index_forward(self.order == Order::Asc)
            .set_exclusive_start_key(start)
            .limit(i32::try_from(reads).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
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

/// What is read of each item: a task, and what the order needs. The rest are keys of
/// other orders, a third of an item.
fn attributes(sort: Sort) -> String {
    let order: &[&str] = match sort {
        Sort::Created => &[],
        Sort::Title => &[TITLE_KEY, TITLE_CHANGED],
        Sort::DueDate => &[DUE_CHANGED],
    };
    [&item::OF_A_TASK, order].concat().join(", ")
}

/// What to read for `query`, and what behind it. Descending by due date, the
/// undated tasks, which the index has last, must not come first.
fn ranges(query: &ListQuery) -> (Option<Range>, Option<Range>) {
    match (query.sort, query.order) {
        (Sort::DueDate, _) if query.window.is_bounded() => (dated(query.window), None),
        (Sort::DueDate, Order::Desc) => {
            (dated(query.window), Some(Range::Due(UNDATED.to_owned(), UNDATED.to_owned())))
        }
        _ => (Some(Range::Whole), None),
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

fn row(mut item: Item, sort: Sort, user: &str) -> Result<Row, BadItem> {
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
    let task = item::into_task_of(user.to_owned(), item)?;
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
                let (range, later) = ranges(&query);
                for range in range.into_iter().chain(later) {
                    if let Range::Due(from, to) = range {
                        assert!(!from.is_empty() && from <= to, "{from} {to}");
                    }
                }
            }
        }
    }
}
