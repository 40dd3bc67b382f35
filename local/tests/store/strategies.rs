//! Random tasks, changes and operations. There are few values, so that they collide.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use shared::task::{
    Change, Due, DueChange, Labels, NewTask, NewTaskInput, Priority, TaskChanges, Timestamp, Toggle,
};

pub(crate) fn titles() -> impl Strategy<Value = String> {
    let tricky = [
        "apple",
        "Apple",
        " apple",
        "Äpfel",
        "banana",
        "Éclair",
        "eclair",
        "zebra",
        "10",
        "9",
        "_",
        "яблоко",
        "日本",
        "\u{200b}",
        "a\u{0}b",
        "👋",
        "e\u{301}",
        "é",
    ];
    prop_oneof![
        3 => select(tricky.to_vec()).prop_map(str::to_owned),
        1 => vec(any::<char>(), 1..20)
            .prop_map(String::from_iter)
            .prop_filter("empty", |title: &String| !title.trim().is_empty()),
    ]
}

pub(crate) fn due_dates() -> impl Strategy<Value = Option<Timestamp>> {
    let dates = [
        "0001-01-01",
        "1969-12-31T23:59:59.999Z",
        "2027-02-10",
        "2027-02-10T00:00:00.001Z",
        "2027-02-11",
        "2027-12-31",
        "9999-12-31T23:59:59.999Z",
    ];
    option::weighted(0.7, select(dates.to_vec()).prop_map(|text| Timestamp::parse(text).unwrap()))
}

/// Due dates of all kinds: at the ends of time, on both sides of the date line, where clocks
/// skip an hour, a day, or show an hour twice.
pub(crate) fn dues() -> impl Strategy<Value = Option<Due>> {
    let zoned = |local: &str, zone: &str| json!({"local": local, "time_zone": zone});
    let kinds = [
        json!({"date": "0001-01-01"}),
        json!({"date": "2011-12-30"}),
        json!({"date": "2027-02-09"}),
        json!({"date": "2027-02-10"}),
        json!({"date": "2027-03-28"}),
        json!({"date": "9999-12-31"}),
        json!({"local": "2011-12-31T00:00:00"}),
        json!({"local": "2027-02-10T09:00:00"}),
        json!({"local": "2027-02-10T23:59:59.999"}),
        json!({"local": "2027-03-28T02:30:00"}),
        json!({"local": "2027-10-31T02:30:00"}),
        zoned("2011-12-30T12:00:00", "Pacific/Apia"),
        zoned("2027-02-10T00:00:00", "Pacific/Kiritimati"),
        zoned("2027-02-10T00:00:00", "Pacific/Niue"),
        zoned("2027-02-10T23:00:00", "America/Chicago"),
        zoned("2027-03-28T02:30:00", "Europe/Berlin"),
        zoned("2027-10-31T02:30:00", "Europe/Berlin"),
        json!({"instant": "2027-02-10T10:30:00Z"}),
        json!({"instant": "2027-03-28T01:15:00Z"}),
    ];
    let kinds = kinds.map(due).to_vec();
    prop_oneof![
        2 => due_dates().prop_map(|moment| moment.map(Due::from)),
        3 => select(kinds).prop_map(Some),
    ]
}

/// The due date that a client writes like this.
pub(crate) fn due(due: Value) -> Due {
    let input: NewTaskInput = serde_json::from_value(json!({"title": "t", "due": due})).unwrap();
    NewTask::try_from(input).unwrap().due.unwrap()
}

/// Changes by `due` and by `due_date`.
fn due_changes() -> impl Strategy<Value = DueChange> {
    let some = || dues().prop_filter_map("some", |due| due);
    prop_oneof![
        2 => Just(DueChange::Keep),
        1 => Just(DueChange::Clear),
        2 => some().prop_map(DueChange::Set),
        2 => some().prop_map(|due| DueChange::Move(due.instant())),
    ]
}

pub(crate) fn priorities() -> impl Strategy<Value = Priority> {
    select(vec![Priority::Low, Priority::Medium, Priority::High])
}

pub(crate) fn labels() -> impl Strategy<Value = Labels> {
    let some = select(vec!["home", "Home", "Büro", "büro ", "日本", "a\u{0}b", "👋\u{1f3fd}"]);
    vec(some.prop_map(str::to_owned), 0..4).prop_map(|texts| Labels::new(texts).unwrap())
}

pub(crate) fn new_tasks() -> impl Strategy<Value = NewTask> {
    new_tasks_of(titles(), titles(), labels())
}

/// Tasks with such titles, descriptions, if any, and labels.
pub(crate) fn new_tasks_of(
    titles: impl Strategy<Value = String>,
    descriptions: impl Strategy<Value = String>,
    labels: impl Strategy<Value = Labels>,
) -> impl Strategy<Value = NewTask> {
    (titles, option::of(descriptions), option::of(priorities()), dues(), labels).prop_map(
        |(title, description, priority, due, labels)| NewTask {
            title,
            description,
            priority,
            due,
            labels,
        },
    )
}

pub(crate) fn change<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T>,
) -> impl Strategy<Value = Change<T>> {
    prop_oneof![2 => Just(Change::Keep), 1 => Just(Change::Clear), 2 => values.prop_map(Change::Set)]
}

pub(crate) fn changes() -> impl Strategy<Value = TaskChanges> {
    (
        option::of(titles()),
        change(titles()),
        change(priorities()),
        due_changes(),
        option::of(labels()),
        option::of(any::<bool>()),
    )
        .prop_map(|(title, description, priority, due, labels, completed)| TaskChanges {
            title,
            description,
            priority,
            due,
            labels,
            completed,
        })
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Create(NewTask),
    Update(Index, TaskChanges),
    Toggle(Index, Toggle),
    Delete(Index),
    DeleteForGood(Index),
    Restore(Index),
}

pub(crate) fn operations() -> impl Strategy<Value = Operation> {
    let toggle = prop_oneof![Just(Toggle::Flip), any::<bool>().prop_map(Toggle::Set)];
    prop_oneof![
        3 => new_tasks().prop_map(Operation::Create),
        3 => (any::<Index>(), changes()).prop_map(|(at, changes)| Operation::Update(at, changes)),
        3 => (any::<Index>(), toggle).prop_map(|(at, toggle)| Operation::Toggle(at, toggle)),
        2 => any::<Index>().prop_map(Operation::Delete),
        1 => any::<Index>().prop_map(Operation::DeleteForGood),
        1 => any::<Index>().prop_map(Operation::Restore),
    ]
}
