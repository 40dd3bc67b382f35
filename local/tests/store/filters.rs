//! Lists filtered by labels, priorities and words.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use shared::store::Tasks;
use shared::task::{
    Due, Labels, ListQuery, NewTask, Order, Priority, QueryInput, Sort, Status, Task, TaskId,
};

use crate::model::Model;
use crate::request_counts::Counted;
use crate::strategies::new_tasks_of;
use crate::windows::windows;
use crate::{combinations, database, pages, trash, with_tasks};

/// Texts, and what is left of each when case, accents and forms do not count.
const TEXTS: [(&str, &str); 24] = [
    ("Äpfel", "apfel"),
    ("A\u{308}PFEL", "apfel"),
    ("apfelmus", "apfelmus"),
    ("Straße", "strasse"),
    ("STRASSE", "strasse"),
    ("İstanbul", "istanbul"),
    ("istanbul", "istanbul"),
    ("ISPANAK", "ispanak"),
    ("ıspanak", "ispanak"),
    ("Σίσυφος", "σισυφοσ"),
    ("ΣΙΣΥΦΟΣ", "σισυφοσ"),
    ("👋\u{1f3fd}", "👋\u{1f3fd}"),
    ("👋", "👋"),
    ("❤\u{fe0f}", "❤"),
    ("❤", "❤"),
    ("👩\u{200d}👧", "👩👧"),
    ("שָׁלוֹם", "שלום"),
    ("שלום", "שלום"),
    ("مُحَمَّد", "محمد"),
    ("ﬁn", "fin"),
    ("１０", "10"),
    ("Łódź", "lodz"),
    ("東京", "東京"),
    ("京", "京"),
];

type Text = (&'static str, &'static str);

fn plain(text: &str) -> String {
    let plain = |word| TEXTS.iter().find(|(spelling, _)| *spelling == word).map_or(word, |it| it.1);
    text.split(' ').map(plain).collect::<Vec<_>>().join(" ")
}

fn texts(count: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(select(TEXTS.to_vec()), count)
        .prop_map(|texts| texts.iter().map(|text| text.0).collect::<Vec<_>>().join(" "))
}

fn labels() -> impl Strategy<Value = Labels> {
    vec(select(TEXTS.to_vec()), 0..4).prop_map(|texts: Vec<Text>| {
        Labels::new(texts.iter().map(|text| text.0.to_owned()).collect()).unwrap()
    })
}

fn tasks() -> impl Strategy<Value = NewTask> {
    new_tasks_of(texts(1..4), texts(0..4), labels())
}

/// A filter as a client sends it.
#[derive(Clone, Debug)]
struct Sent {
    labels: Vec<&'static str>,
    priorities: Vec<Priority>,
    words: Vec<&'static str>,
}

fn filters() -> impl Strategy<Value = Sent> {
    let all = vec![Priority::Low, Priority::Medium, Priority::High];
    let word = || select(TEXTS.to_vec()).prop_map(|text: Text| text.0);
    (vec(word(), 0..2), subsequence(all, 0..3), vec(word(), 0..3))
        .prop_map(|(labels, priorities, words)| Sent { labels, priorities, words })
        .prop_filter("empty", |sent| !sent.query().filter.is_empty())
}

impl Sent {
    fn query(&self) -> ListQuery {
        let mut input = QueryInput::new();
        let mut add = |name: &str, value: &str| {
            input.entry(name.to_owned()).or_default().push(value.to_owned());
        };
        self.labels.iter().for_each(|label| add("label", label));
        self.priorities.iter().for_each(|priority| add("priority", priority.as_str()));
        if !self.words.is_empty() {
            add("q", &self.words.join(" "));
        }
        ListQuery::try_from(input).unwrap()
    }

    fn matches(&self, task: &Task) -> bool {
        let has_label =
            |label: &&str| task.labels.as_slice().iter().any(|other| plain(other) == plain(label));
        let title = plain(&task.title);
        let description = plain(task.description.as_deref().unwrap_or_default());
        let has_word =
            |word: &&str| title.contains(&plain(word)) || description.contains(&plain(word));
        self.labels.iter().all(has_label)
            && self.words.iter().all(has_word)
            && (self.priorities.is_empty()
                || self.priorities.iter().any(|one| task.priority == Some(*one)))
    }
}

/// Checks the list of `query` against the model, whole and in pages of `size`.
async fn check(model: &Model, store: &Tasks<'_>, query: &ListQuery, sent: &Sent, size: usize) {
    let all = ListQuery { filter: Default::default(), ..query.clone() };
    let mut expected = model.list(&all);
    expected.retain(|task| sent.matches(task));
    assert_eq!(pages(store, query).await, std::slice::from_ref(&expected), "{query:?}");
    let paged = ListQuery { limit: Some(size), ..query.clone() };
    let mut in_pages = pages(store, &paged).await;
    assert_eq!(in_pages.concat(), expected, "{paged:?}");
    let last = in_pages.pop().unwrap();
    assert!(last.len() <= size);
    assert!(in_pages.iter().all(|page| page.len() == size), "only the last is not full");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_filtered_list_whole_and_in_pages_matches_the_model(
        tasks in vec((tasks(), any::<bool>(), 0_u8..4), 0..30),
        filters in vec(filters(), 2),
        window in windows(),
        size in 1_usize..5,
    ) {
        with_tasks(async |store| {
            let model = Model::of(&store, tasks).await;
            for sent in &filters {
                let filter = sent.query().filter;
                for query in combinations().chain([trash(Order::Asc), trash(Order::Desc)]) {
                    let query = ListQuery { filter: filter.clone(), ..query };
                    check(&model, &store, &query, sent, size).await;
                    if query.sort == Sort::DueDate {
                        let query = ListQuery { window: window.clone(), ..query };
                        check(&model, &store, &query, sent, size).await;
                    }
                }
            }
        });
    }
}

fn search(word: &str) -> ListQuery {
    let input = QueryInput::from([("q".to_owned(), vec![word.to_owned()])]);
    ListQuery::try_from(input).unwrap()
}

#[test]
fn a_page_that_finds_nothing_reads_about_a_megabyte_and_the_next_goes_on() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        // Four megabytes, of which three are due.
        let task = |index: usize| {
            let description = Some(format!("{}{}", "👋".repeat(990), index));
            let due = Due::parse("2027-02-10").filter(|_| !index.is_multiple_of(4));
            let new = NewTask { description, due, ..NewTask::titled("t") };
            Task::with_id(TaskId::new(), counted.user.id(), new)
        };
        let tasks: Vec<Task> = (0..1000).map(task).collect();
        database().store.tasks(&counted.user).insert_all(&tasks).await.unwrap();
        for (sort, order, limit) in [
            (Sort::Created, Order::Desc, Some(1)),
            (Sort::Title, Order::Asc, Some(50)),
            (Sort::DueDate, Order::Desc, None),
            (Sort::DueDate, Order::Asc, None),
        ] {
            let query = ListQuery { sort, order, limit, ..search("nothing") };
            let pages = counted.pages(&query).await;
            assert!((3..=4).contains(&pages.len()), "{sort:?}: {} pages", pages.len());
            for (tasks, usage) in &pages {
                assert_eq!(*tasks, []);
                assert!(usage.items <= 500, "at most two megabytes: {usage:?}");
                assert!(usage.requests <= 4, "{usage:?}");
            }
            let read: u64 = pages.iter().map(|(_, usage)| usage.items).sum();
            // DynamoDB starts after a page's end; the embedded one reads it once more.
            assert!((1000..1000 + pages.len()).contains(&usize::try_from(read).unwrap()));
        }
        // The last by creation is the first that matches.
        let query = ListQuery { order: Order::Asc, limit: Some(1), ..search("👋999") };
        let pages = counted.pages(&query).await;
        let found: Vec<usize> = pages.iter().map(|(tasks, _)| tasks.len()).collect();
        assert!(found.len() >= 3, "{found:?}");
        assert_eq!(found.iter().sum::<usize>(), 1);
    });
}

#[test]
fn a_filtered_page_reads_no_further_once_it_is_full() {
    database().runtime.block_on(async {
        let counted = Counted::start().await;
        let task = |index: usize| {
            let title = if index < 10 { "apple" } else { "pear" };
            Task::with_id(TaskId::new(), counted.user.id(), NewTask::titled(title))
        };
        let tasks: Vec<Task> = (0..600).map(task).collect();
        database().store.tasks(&counted.user).insert_all(&tasks).await.unwrap();
        let query = ListQuery { order: Order::Asc, ..search("apple") };
        let pages = counted.pages(&ListQuery { limit: Some(10), ..query.clone() }).await;
        let (first, usage) = &pages[0];
        assert_eq!((first.len(), usage.requests, usage.items), (10, 1, 100));
        assert_eq!(pages.len(), 2, "only the next page finds that there is no more");
        let rest: Vec<u64> = pages[1..].iter().map(|(_, usage)| usage.requests).collect();
        assert_eq!(rest, [3], "requests double");
        // There is a second match in what was read.
        let pages = counted.pages(&ListQuery { limit: Some(5), ..query }).await;
        assert_eq!(pages[0].1.requests, 1);
        assert_eq!(pages.iter().map(|(tasks, _)| tasks.len()).collect::<Vec<_>>(), [5, 5, 0]);
        let status = Status::Pending;
        let query = ListQuery { status, limit: Some(20), ..search("pear") };
        let pages = counted.pages(&query).await;
        assert!(pages.iter().all(|(_, usage)| usage.requests <= 2), "hits everywhere");
    });
}
