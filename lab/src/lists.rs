//! What lists cost, whatever a user owns.
//!
//! Each of the 18 lists is asked for, in pages, of users with few and with many
//! tasks. The functions are those that are deployed; between them and DynamoDB
//! stands a proxy that counts.

mod client;
mod measure;
mod plot;
mod report;

use shared::task::{ListQuery, Order, Sort, Status};

pub use measure::{FUNCTION, measure, seed};
pub use report::{Report, write};

/// How long the pages are that are measured.
pub const PAGES: [usize; 2] = [20, 100];

/// The most items that may be read for each that is returned: one more than the
/// smallest page has.
const MAX_READ: f64 = 1.05;

/// A cell of the table: one page of one list of one user.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What is asked for.
    pub list: List,
    /// How many tasks the user has.
    pub tasks: u32,
    /// How long the page may be.
    pub page: usize,
    /// From where on.
    pub place: Place,
    /// Requests to DynamoDB.
    pub requests: f64,
    /// What they cost, in request units.
    pub units: f64,
    /// Items that DynamoDB has read.
    pub read: f64,
    /// Tasks in the page.
    pub returned: usize,
    /// The page's size.
    pub bytes: usize,
    /// The function's own time on a processor, in microseconds: the median.
    pub processor: f64,
    /// The time from request to reply, in microseconds: the median.
    pub latency: f64,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first.
    First,
    /// The one behind two fifths of its tasks.
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

    /// The question for it.
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

    /// How many tasks it has, of a user who has so many: a third of them is
    /// completed.
    fn length(self, tasks: u32) -> u32 {
        let completed = tasks.div_ceil(3);
        match self.status {
            Status::All => tasks,
            Status::Pending => tasks - completed,
            Status::Completed => completed,
        }
    }
}

impl Cell {
    /// Items read for each task in the page.
    #[must_use]
    pub fn read_per_task(&self) -> f64 {
        self.read / self.returned as f64
    }

    /// Whether it costs more than it may.
    fn is_over_target(&self) -> bool {
        self.read_per_task() > MAX_READ
    }
}

/// The most memory that `list-tasks` has had after one unlimited list.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Memory {
    pub list: List,
    pub tasks: u32,
    /// In kilobytes.
    pub peak: u64,
    pub requests: u64,
    pub units: f64,
    pub bytes: usize,
    pub returned: usize,
    /// In microseconds.
    pub latency: f64,
}

/// The names of the users, by the number of their tasks. The tasks depend on the name:
/// another one would change the numbers that were measured before.
fn user(tasks: u32) -> String {
    format!("bench-{tasks}")
}
