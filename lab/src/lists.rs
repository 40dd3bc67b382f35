//! What lists and changes cost, for users with few and with many tasks.
//!
//! Requests pages of each of the 18 lists for each user, searches two of them, and follows the
//! changes. The functions are release builds, as they are deployed. A proxy between them and DynamoDB meters what they read.

mod changes;
mod client;
mod filters;
mod measure;
mod plot;
mod replies;
mod report;

use shared::task::{ListQuery, Order, Sort, Status};

pub use changes::Following;
pub use filters::{Matches, Search};
pub use measure::{FUNCTIONS, Table, measure, seed};
pub use replies::Replies;
pub use report::{Report, write};

/// The page lengths that are measured.
pub const PAGES: [usize; 2] = [20, 100];

/// The maximum number of items read for each one returned. It allows the smallest page one
/// extra item.
const MAX_READ: f64 = 1.05;

/// A cell of the table: a page of one list of one user.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The list.
    pub list: List,
    /// How many tasks the user has.
    pub tasks: u32,
    /// The page's limit.
    pub page: usize,
    /// The page's place in the list.
    pub place: Place,
    /// Requests to DynamoDB.
    pub requests: f64,
    /// What they cost, in request units.
    pub units: f64,
    /// Items that DynamoDB has read.
    pub read: f64,
    /// Tasks in the page.
    pub returned: usize,
    /// The size of the reply's body.
    pub bytes: usize,
    /// The function's processor time, in microseconds: the median.
    pub processor: f64,
    /// The time from request to reply, in microseconds: the median.
    pub latency: f64,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first page.
    First,
    /// The page after two fifths of the tasks.
    Middle,
}

/// One of the 18 lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct List {
    pub status: Status,
    pub sort: Sort,
    pub order: Order,
}

impl List {
    /// All of them.
    pub fn all() -> impl Iterator<Item = List> {
        [Status::All, Status::Pending, Status::Completed].into_iter().flat_map(|status| {
            [Sort::Created, Sort::Title, Sort::DueDate].into_iter().flat_map(move |sort| {
                [Order::Asc, Order::Desc].map(|order| List { status, sort, order })
            })
        })
    }

    /// Its query.
    #[must_use]
    pub fn query(self) -> ListQuery {
        let List { status, sort, order } = self;
        ListQuery { status, sort, order, ..ListQuery::default() }
    }

    /// Its name: the values of its parameters.
    #[must_use]
    pub fn name(self) -> String {
        format!("{} {} {}", self.status.as_str(), self.sort.as_str(), self.order.as_str())
    }

    /// The length of the list of a user with `tasks` tasks, of which a third are completed.
    fn length(self, tasks: u32) -> u32 {
        let completed = tasks.div_ceil(3);
        match self.status {
            Status::All => tasks,
            Status::Pending => tasks - completed,
            Status::Completed => completed,
            Status::Deleted => 0,
        }
    }
}

impl Cell {
    /// Items read for each task in the page.
    #[must_use]
    pub fn read_per_task(&self) -> f64 {
        self.read / self.returned as f64
    }

    /// Whether the page reads more items than it may.
    fn is_over_target(&self) -> bool {
        self.read_per_task() > MAX_READ
    }
}

/// What one list without a limit costs in a new process of `list-tasks`.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Memory {
    pub list: List,
    pub tasks: u32,
    /// Peak memory, in kilobytes.
    pub peak: u64,
    pub requests: u64,
    pub units: f64,
    pub bytes: usize,
    pub returned: usize,
    /// In microseconds.
    pub latency: f64,
}

/// The name of the user with this number of tasks. The tasks depend on the name: a
/// different one would change the results.
fn user(tasks: u32) -> String {
    format!("bench-{tasks}")
}
