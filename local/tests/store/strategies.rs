//! Random tasks, changes and operations. There are few values, so that they collide.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use shared::task::{Change, Labels, NewTask, Priority, TaskChanges, Timestamp, Toggle};

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

pub(crate) fn priorities() -> impl Strategy<Value = Priority> {
    select(vec![Priority::Low, Priority::Medium, Priority::High])
}

pub(crate) fn labels() -> impl Strategy<Value = Labels> {
    let some = select(vec!["home", "Home", "Büro", "büro ", "日本", "a\u{0}b", "👋\u{1f3fd}"]);
    vec(some.prop_map(str::to_owned), 0..4).prop_map(|texts| Labels::new(texts).unwrap())
}

pub(crate) fn new_tasks() -> impl Strategy<Value = NewTask> {
    (titles(), option::of(titles()), option::of(priorities()), due_dates(), labels()).prop_map(
        |(title, description, priority, due_date, labels)| NewTask {
            title,
            description,
            priority,
            due_date,
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
    let due_date = due_dates().prop_filter_map("dated", |due_date| due_date);
    (
        option::of(titles()),
        change(titles()),
        change(priorities()),
        change(due_date),
        option::of(labels()),
        option::of(any::<bool>()),
    )
        .prop_map(|(title, description, priority, due_date, labels, completed)| TaskChanges {
            title,
            description,
            priority,
            due_date,
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
