//! What filtered lists cost, which read on until they have found enough.

use anyhow::{Context, Result, ensure};
use local::faults::Usage;
use shared::task::{Order, Sort, Status};

use super::client::ListClient;
use super::measure::count;
use super::{List, Replies};

/// The limit of each page.
const LIMIT: usize = 20;

/// A list that is searched, from the oldest task to the newest: the table, and an index.
const SEARCHED: [List; 2] = [oldest_first(Status::All), oldest_first(Status::Pending)];

const fn oldest_first(status: Status) -> List {
    List { status, sort: Sort::Created, order: Order::Asc }
}

/// Where the tasks are that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matches {
    /// Every other task.
    Everywhere,
    /// Only the last task of the list.
    Last,
    /// None.
    Nowhere,
}

/// What one search costs.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// How many tasks the user has.
    pub tasks: u32,
    /// The list.
    pub list: List,
    /// Where the tasks are that match.
    pub matches: Matches,
    /// The first page.
    pub first: Replies,
    /// All pages, unless each of them has a match.
    pub all: Option<Replies>,
    /// The most request units that one of the pages took.
    pub most_units: f64,
}

impl Matches {
    const ALL: [Matches; 3] = [Matches::Everywhere, Matches::Last, Matches::Nowhere];

    /// The word to search for. Half the tasks have a description (`local::seed`), and titles
    /// end with a number. A third are completed, the last task among them.
    fn word(self, list: List, tasks: u32) -> String {
        match (self, list.status) {
            (Matches::Everywhere, _) => "think".to_owned(),
            (Matches::Last, Status::All) => tasks.to_string(),
            (Matches::Last, _) => (tasks - 1).to_string(),
            (Matches::Nowhere, _) => "nothing".to_owned(),
        }
    }

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Matches::Everywhere => "half of the tasks",
            Matches::Last => "the last task",
            Matches::Nowhere => "none",
        }
    }
}

/// Measures the searches of a user with `tasks` tasks.
pub(super) async fn measure(
    client: &ListClient<'_>,
    tasks: u32,
    usage: impl Fn() -> Usage,
) -> Result<Vec<Search>> {
    let mut searches = Vec::new();
    for list in SEARCHED {
        for matches in Matches::ALL {
            searches.push(search(client, tasks, list, matches, &usage).await?);
        }
    }
    Ok(searches)
}

async fn search(
    client: &ListClient<'_>,
    tasks: u32,
    list: List,
    matches: Matches,
    usage: impl Fn() -> Usage,
) -> Result<Search> {
    let (query, word) = (shared::http::query_string(&list.query()), matches.word(list, tasks));
    let mut next = Some(format!("/api/tasks?{query}&limit={LIMIT}&q={word}"));
    let (mut first, mut all, mut most_units) = (None, Replies::default(), 0.0_f64);
    while let Some(path) = next {
        let before = usage();
        let answer = client.ask(&path).await?;
        let usage = usage() - before;
        let page = Replies::one(&answer, count(&answer.body)?, &usage);
        all.add(&page);
        most_units = most_units.max(usage.units);
        first.get_or_insert(page);
        next = answer.next.filter(|_| matches != Matches::Everywhere);
    }
    let expected = match matches {
        Matches::Everywhere => LIMIT,
        Matches::Last => 1,
        Matches::Nowhere => 0,
    };
    ensure!(all.returned == expected, "{word}: {} tasks of {tasks}", all.returned);
    let first = first.context("a page")?;
    let all = (matches != Matches::Everywhere).then_some(all);
    Ok(Search { tasks, list, matches, first, all, most_units })
}
