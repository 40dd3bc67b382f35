//! Windows of due dates, computed plainly with the tz database.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone as Rules, TimeZoneDatabase};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use shared::task::{Due, ListQuery, NewTask, Sort, Task, TaskId, TimeZone, Timestamp, Window};

use crate::model::Model;
use crate::strategies::{Operation, new_tasks, operations};
use crate::{check_list, combinations, database, with_tasks};

pub(crate) const ZONES: [&str; 11] = [
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Europe/Berlin",
    "UTC",
    "America/Sao_Paulo",
    "America/Chicago",
    "Pacific/Honolulu",
    "Pacific/Niue",
];

/// What a due date or a bound says: a local time, wherever one is, or a moment, in
/// milliseconds since 1970.
enum Said {
    Local(DateTime),
    Moment(i64),
}

impl Said {
    fn by(text: &str) -> Said {
        if let Ok(date) = text.parse::<Date>()
            && !text.contains('T')
        {
            return Said::Local(date.to_datetime(jiff::civil::Time::midnight()));
        }
        match text.strip_suffix('Z') {
            Some(_) => Said::Moment(Timestamp::parse(text).unwrap().unix_millis()),
            None => Said::Local(text.parse().unwrap()),
        }
    }

    fn of(due: &Due) -> Said {
        let due = serde_json::to_value(due).unwrap();
        let text = |name: &str| due.get(name).and_then(Value::as_str);
        match (text("date").or(text("local")).or(text("instant")), text("time_zone")) {
            (Some(text), None) => Said::by(text),
            (Some(local), Some(zone)) => {
                Said::Moment(moment(local.parse().unwrap(), &rules(Some(zone))))
            }
            (None, _) => panic!("{due}"),
        }
    }

    fn compare(&self, bound: &Said, there: &Rules) -> Ordering {
        let millis = |said: &Said| match said {
            Said::Local(local) => moment(*local, there),
            Said::Moment(millis) => *millis,
        };
        match (self, bound) {
            (Said::Local(local), Said::Local(bound)) => local.cmp(bound),
            _ => millis(self).cmp(&millis(bound)),
        }
    }
}

fn rules(zone: Option<&str>) -> Rules {
    zone.map_or(Rules::UTC, |zone| TimeZoneDatabase::bundled().get(zone).unwrap())
}

fn moment(local: DateTime, there: &Rules) -> i64 {
    match local.to_zoned(there.clone()) {
        Ok(zoned) => zoned.timestamp().as_millisecond(),
        // The last day of the year 9999, which is in no window with an end.
        Err(_) => i64::MAX,
    }
}

/// Whether a task that is due then is in the window.
pub(crate) fn contains(window: &Window, due: Option<&Due>) -> bool {
    let parameters: Vec<(&str, String)> = window.parameters().collect();
    let get = |wanted: &str| {
        parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
    };
    let (after, before) = (get("due_after"), get("due_before"));
    let Some(due) = due else { return after.is_none() && before.is_none() };
    let (due, there) = (Said::of(due), rules(get("time_zone")));
    after.is_none_or(|after| due.compare(&Said::by(after), &there).is_ge())
        && before.is_none_or(|before| due.compare(&Said::by(before), &there).is_lt())
}

/// Bounds around the due dates of [`new_tasks`], and where clocks change.
const BOUNDS: [&str; 16] = [
    "0001-01-01",
    "2011-12-30",
    "2011-12-31",
    "2027-02-03",
    "2027-02-09",
    "2027-02-10",
    "2027-02-10T09:00",
    "2027-02-10T00:00:00Z",
    "2027-02-10T10:30:00Z",
    "2027-02-11",
    "2027-02-17",
    "2027-03-28",
    "2027-03-28T02:30",
    "2027-03-28T01:15:00Z",
    "2027-10-31T02:30:00",
    "2027-11-01",
];

/// Windows: in a time zone or not, of a day, of a week, of any length, open at an end.
pub(crate) fn windows() -> impl Strategy<Value = Window> {
    let any = (option::of(select(BOUNDS.to_vec())), option::of(select(BOUNDS.to_vec())));
    let usual = select(vec![
        (Some("2027-02-10"), Some("2027-02-11")),
        (Some("2027-02-10"), Some("2027-02-17")),
        (Some("2027-03-28"), Some("2027-03-29")),
        (Some("2011-12-30"), Some("2011-12-31")),
    ]);
    let zone = option::weighted(0.8, select(ZONES.to_vec()));
    (prop_oneof![any, usual], zone).prop_filter_map("in order", |((after, before), zone)| {
        let window = Window::parse(after, before, zone.and_then(TimeZone::find));
        window.filter(Window::is_bounded)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_window_in_both_orders_matches_the_model(
        tasks in vec(new_tasks(), 0..40),
        edits in vec(operations(), 0..10),
        windows in vec(windows(), 2),
        size in 1_usize..12,
    ) {
        with_tasks(async |store| {
            let mut model = Model::default();
            for new in tasks {
                model.run(&store, Operation::Create(new)).await;
            }
            for edit in edits {
                model.run(&store, edit).await;
            }
            for window in windows {
                for query in combinations().filter(|query| query.sort == Sort::DueDate) {
                    let query = ListQuery { window: window.clone(), ..query };
                    check_list(&model, &store, &query, size).await;
                }
            }
        });
    }
}

#[test]
fn today_has_each_task_of_the_day_wherever_one_is() {
    let hours = |from: &str, count| {
        let from = Timestamp::parse(from).unwrap().unix_millis();
        (0..count).map(move |hour| Timestamp::from_unix_millis(from + hour * 3_600_000))
    };
    database().runtime.block_on(async {
        let user = crate::new_user().await;
        let mut dues: Vec<Due> = hours("2027-02-08T00:00", 96).map(Due::from).collect();
        // What is due at the same moments, but not as moments.
        dues.extend(hours("2027-02-08T00:00", 96).map(|moment| {
            let text = moment.to_string();
            Due::parse(text.trim_end_matches('Z')).unwrap()
        }));
        let days = ["2027-02-09", "2027-02-10", "2027-02-11"];
        dues.extend(days.map(|day| Due::parse(day).unwrap()));
        let task = |due: &Due| {
            let new = NewTask { due: Some(due.clone()), ..NewTask::titled("t") };
            Task::with_id(TaskId::new(), user.id(), new)
        };
        let tasks: Vec<Task> = dues.iter().map(task).collect();
        let store = database().store.tasks(&user);
        store.insert_all(&tasks).await.unwrap();
        for zone in ZONES {
            let window =
                Window::parse(Some("2027-02-10"), Some("2027-02-11"), TimeZone::find(zone));
            let window = window.unwrap();
            let query =
                ListQuery { sort: Sort::DueDate, window: window.clone(), ..ListQuery::default() };
            let (found, _) = crate::page(&store, &query).await;
            assert_eq!(found.len(), 24 + 24 + 1, "{zone}");
            assert!(found.iter().all(|task| contains(&window, task.due.as_ref())), "{zone}");
        }
    });
}
