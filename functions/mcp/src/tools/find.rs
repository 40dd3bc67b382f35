//! `find_tasks`: lists tasks, or reads some by their ids.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use shared::http::{self, Problem};
use shared::store::{StoreError, Tasks};
use shared::task::{Due, FieldError, Invalid, ListQuery, Priority, QueryInput, Task, TaskId};

use super::argument::Argument;
use super::{Refusal, check_ids, parse};
use crate::call_result::CallResult;

/// The most tasks in a reply, and how many there are unless the call asks for fewer.
const MAX_TASKS: u64 = 50;

/// The most bytes of tasks in a reply. With its copy as text, and all that escaping may add, the
/// reply has at most 75,000 bytes: 25,000 tokens of three bytes (docs/agents.md).
const MAX_BYTES: usize = 24 * 1024;

#[derive(Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Arguments {
    ids: Argument,
    status: Argument,
    query: Argument,
    labels: Argument,
    priorities: Argument,
    due_after: Argument,
    due_before: Argument,
    time_zone: Argument,
    sort: Argument,
    order: Argument,
    limit: Argument,
    cursor: Argument,
}

/// More labels or priorities than a call may have.
const MORE_CRITERIA: usize = 11;

/// Arguments that lists of the API call otherwise.
const OTHER_NAMES: [(&str, &str); 3] =
    [("query", "q"), ("labels", "label"), ("priorities", "priority")];

/// The result of a call.
#[derive(Default, Serialize)]
struct Found {
    tasks: Vec<Box<RawValue>>,
    /// Where to go on, if there may be more tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// The ids for which there is no task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_found: Vec<String>,
    /// The ids of tasks in the trash.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    in_trash: Vec<String>,
    /// The ids for which there was no room.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remaining_ids: Vec<String>,
    #[serde(skip)]
    bytes: usize,
}

/// A task as a model sees it: no member is empty, and none says the same as another.
#[derive(Serialize)]
struct Brief<'a> {
    id: TaskId,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    completed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    labels: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<BriefDue<'a>>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<String>,
    revision: String,
}

/// Without the moment that it stands for: a model could change that, and nothing else.
struct BriefDue<'a>(&'a Due);

impl Serialize for BriefDue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, text, time_zone) = self.0.members();
        let zone = time_zone.map(|time_zone| ("time_zone", time_zone));
        serializer.collect_map([(name, text.as_str())].into_iter().chain(zone))
    }
}

/// Carries out a call.
pub(super) async fn find(arguments: &str, tasks: Tasks<'_>) -> Result<CallResult, Refusal> {
    let mut arguments: Arguments = parse("arguments", arguments)?;
    let found = match std::mem::take(&mut arguments.ids).texts("ids")? {
        Some(_) if arguments != Arguments::default() => {
            return Err("ids leaves no room for other arguments".to_owned());
        }
        Some(ids) => {
            check_ids("ids", ids.len(), ids.iter().map(String::as_str))?;
            by_ids(ids, tasks).await
        }
        None => list(&arguments.query()?, tasks).await,
    };
    found.map(|found| CallResult::of(&found, false)).map_err(failure)
}

/// Returns why nothing was found, for the model, and notes it for the log.
fn failure(error: StoreError) -> Refusal {
    if matches!(error, StoreError::BadCursor) {
        return "cursor must be that of a call with the same arguments".to_owned();
    }
    let problem = Problem::from(error);
    http::record_results(1, [&problem].into_iter());
    problem.detail().to_owned()
}

impl Arguments {
    /// Returns the list that is asked for, by the rules of `GET /api/tasks`.
    fn query(self) -> Result<ListQuery, Refusal> {
        let has_window = !self.due_after.is_absent() || !self.due_before.is_absent();
        let limit = self.limit.whole("limit")?.unwrap_or(MAX_TASKS);
        if !(1..=MAX_TASKS).contains(&limit) {
            return Err(format!("limit must be 1 to {MAX_TASKS}"));
        }
        let status = self.status.text("status")?;
        let sort = sort(self.sort.text("sort")?, status.as_deref() == Some("deleted"), has_window)?;
        let one = |argument: Argument, name| {
            argument.text(name).map(|value| value.map(|value| vec![value]))
        };
        let input = [
            ("status", status.map(|status| vec![status])),
            ("q", one(self.query, "query")?),
            ("label", not_empty(self.labels, "labels")?),
            ("priority", not_empty(self.priorities, "priorities")?),
            ("due_after", one(self.due_after, "due_after")?),
            ("due_before", one(self.due_before, "due_before")?),
            ("time_zone", one(self.time_zone, "time_zone")?),
            ("sort", sort.map(|sort| vec![sort])),
            ("order", one(self.order, "order")?),
            ("limit", Some(vec![limit.to_string()])),
            ("cursor", one(self.cursor, "cursor")?),
        ];
        let sent = input.into_iter().filter_map(|(name, values)| Some((name.to_owned(), values?)));
        ListQuery::try_from(sent.collect::<QueryInput>()).map_err(|invalid| renamed(&invalid))
    }
}

/// Returns the order of a list, or why it has none. A window has only one, and the trash, too.
fn sort(sort: Option<String>, is_trash: bool, has_window: bool) -> Result<Option<String>, Refusal> {
    match sort {
        sort if is_trash && (has_window || sort.is_some()) => {
            Err("the trash has no sort, due_after or due_before".to_owned())
        }
        Some(sort) if has_window && sort != "due_date" => {
            Err("with due_after or due_before, sort must be due_date or absent".to_owned())
        }
        None if has_window => Ok(Some("due_date".to_owned())),
        sort => Ok(sort),
    }
}

/// Returns a list of criteria. An empty one could mean all tasks, or none.
fn not_empty(argument: Argument, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let values = argument.texts(name)?;
    match values.as_ref().map(Vec::len) {
        Some(0) => Err(format!("{name} must not be empty; leave it out to find any")),
        Some(MORE_CRITERIA..) => Err(format!("{name} must have at most 10 elements")),
        _ => Ok(values),
    }
}

/// Returns which rules are broken, with the names of the arguments.
fn renamed(invalid: &Invalid) -> String {
    let text = |error: &FieldError| {
        let name = OTHER_NAMES.iter().find(|(_, other)| *other == error.field);
        format!("{} {}", name.map_or(&*error.field, |(name, _)| name), error.detail)
    };
    invalid.errors.iter().map(text).collect::<Vec<_>>().join("; ")
}

async fn list(query: &ListQuery, tasks: Tasks<'_>) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let next = tasks.list(query, |task| found.push(&task)).await?;
    found.next_cursor = next.and_then(|next| next.cursor);
    Ok(found)
}

async fn by_ids(ids: Vec<String>, tasks: Tasks<'_>) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let known: Vec<TaskId> = ids.iter().filter_map(|id| TaskId::parse(id)).collect();
    let mut read = tasks.get_each(known).await.into_iter();
    for id in ids {
        let task = TaskId::parse(&id).and_then(|_| read.next());
        match task.unwrap_or(Err(StoreError::NotFound)) {
            // In their order.
            Ok(task) if found.remaining_ids.is_empty() && found.push(&task) => {}
            Ok(_) => found.remaining_ids.push(id),
            Err(StoreError::Deleted) => found.in_trash.push(id),
            Err(StoreError::NotFound | StoreError::NotOwned) => found.not_found.push(id),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

impl Found {
    /// Adds a task. Returns `false` if there is no room for it.
    fn push(&mut self, task: &Task) -> bool {
        let Ok(json) = serde_json::value::to_raw_value(&brief(task)) else { return false };
        // The first one always fits: no task is that large.
        if self.bytes + json.get().len() > MAX_BYTES {
            return false;
        }
        self.bytes += json.get().len() + 1;
        self.tasks.push(json);
        true
    }
}

fn brief(task: &Task) -> Brief<'_> {
    let Task {
        id,
        user_id: _,
        title,
        description,
        completed,
        priority,
        due,
        labels,
        updated_at: _,
        completed_at,
        deleted_at,
        revision,
    } = task;
    Brief {
        id: *id,
        title,
        description: description.as_deref().filter(|text| !text.is_empty()),
        completed: *completed,
        priority: priority.map(Priority::as_str),
        labels: labels.as_slice(),
        due: due.as_ref().map(BriefDue),
        created_at: id.created_at().to_string(),
        completed_at: completed_at.map(|moment| moment.to_string()),
        deleted_at: deleted_at.map(|moment| moment.to_string()),
        revision: revision.to_string(),
    }
}
