//! Walks through a list while its tasks change between pages.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use shared::store::Tasks;
use shared::task::{ListQuery, Sort, Task, TaskId, Toggle, Window};

use crate::model::{Model, fits};
use crate::strategies::{Operation, new_tasks, operations};
use crate::windows::windows;
use crate::{combinations, page, with_tasks};

/// A list, a page size, and the operations after each page.
#[derive(Debug)]
struct Plan {
    query: ListQuery,
    between: Vec<Vec<Operation>>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let all: Vec<ListQuery> = combinations().collect();
    (select(all), windows(), 1_usize..8, vec(vec(operations(), 0..6), 0..12)).prop_map(
        |(query, window, limit, between)| {
            let window = if query.sort == Sort::DueDate { window } else { Window::default() };
            Plan { query: ListQuery { window, limit: Some(limit), ..query }, between }
        },
    )
}

/// The tasks that a walk has shown, and what the model says about them.
struct Walk<'a> {
    query: &'a ListQuery,
    shown: Vec<TaskId>,
    /// Tasks that have kept their place in the list since the walk began.
    steady: BTreeSet<TaskId>,
    /// Tasks that have changed their place, or left the list.
    moved: BTreeSet<TaskId>,
}

impl Walk<'_> {
    fn look(&mut self, model: &Model, tasks: &[Task]) {
        assert!(tasks.len() <= self.query.limit.unwrap());
        for task in tasks {
            let known = model.tasks.iter().find(|known| known.id == task.id).unwrap();
            assert!(fits(known, self.query), "{known:?}");
            assert_eq!(task.title, known.title);
            self.shown.push(task.id);
        }
    }

    /// Records which tasks have left the list, or their place in it, between `before` and
    /// `now`.
    fn note(&mut self, before: &[Task], now: &[Task]) {
        let place = |task: &Task| match self.query.sort {
            Sort::Created | Sort::Deleted => String::new(),
            Sort::Title => task.title.clone(),
            Sort::DueDate => format!("{:?}", task.due_date()),
        };
        let stays = |id: &TaskId| {
            let find = |tasks: &[Task]| tasks.iter().find(|task| task.id == *id).cloned();
            match (find(before), find(now)) {
                (Some(a), Some(b)) => fits(&b, self.query) && place(&a) == place(&b),
                _ => false,
            }
        };
        let stay: BTreeSet<TaskId> = before.iter().map(|task| task.id).filter(stays).collect();
        self.steady.retain(|id| stay.contains(id));
        self.moved.extend(before.iter().map(|task| task.id).filter(|id| !stay.contains(id)));
    }
}

async fn walk(store: &Tasks<'_>, model: &mut Model, plan: Plan) {
    let mut walk = Walk {
        query: &plan.query,
        shown: Vec::new(),
        steady: model.list(&plan.query).into_iter().map(|task| task.id).collect(),
        moved: BTreeSet::new(),
    };
    let most = 2 + model.tasks.len() + plan.between.iter().flatten().count();
    let mut between = plan.between.into_iter();
    let mut pages = 0;
    let mut next = Some(plan.query.clone());
    while let Some(query) = next {
        let (tasks, rest) = page(store, &query).await;
        pages += 1;
        assert!(pages <= most, "the walk does not end");
        walk.look(model, &tasks);
        next = rest;
        for operation in between.next().unwrap_or_default() {
            let before = model.tasks.clone();
            model.run(store, operation).await;
            walk.note(&before, &model.tasks);
        }
    }
    let shown: BTreeSet<TaskId> = walk.shown.iter().copied().collect();
    for id in shown.difference(&walk.moved) {
        let times = walk.shown.iter().filter(|other| *other == id).count();
        assert_eq!(times, 1, "{id} has kept its place");
    }
    assert!(walk.steady.is_subset(&shown), "missed: {:?}", walk.steady.difference(&shown));
    let in_order = model.list(&plan.query).into_iter().map(|task| task.id);
    let in_order = in_order.filter(|id| walk.steady.contains(id));
    walk.shown.retain(|id| walk.steady.contains(id));
    assert_eq!(
        walk.shown,
        in_order.collect::<Vec<_>>(),
        "the order of those that kept their place"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_task_that_keeps_its_place_is_listed_once_whatever_changes_between_pages(
        tasks in vec((new_tasks(), any::<bool>()), 0..30),
        before in vec(operations(), 0..6),
        plan in plans(),
    ) {
        with_tasks(async |store| {
            let mut model = Model::default();
            for (new, completed) in tasks {
                model.run(&store, Operation::Create(new)).await;
                if completed {
                    let last = model.tasks.len() - 1;
                    model.toggle(&store, last, Toggle::Flip).await;
                }
            }
            for operation in before {
                model.run(&store, operation).await;
            }
            walk(&store, &mut model, plan).await;
        });
    }
}
