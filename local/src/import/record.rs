//! From a task in JSON, as an export has it, to a task.

use serde_json::{Map, Value};
use shared::task::{NewTask, NewTaskInput, Task, TaskId, Timestamp};

/// Returns the task, now of the user `user_id`, or why there is none.
pub(super) fn task(object: Map<String, Value>, user_id: &str) -> Result<Task, String> {
    let id = object.get("id").and_then(Value::as_str).and_then(TaskId::parse);
    let id = id.ok_or("id must be a UUIDv7, as this API makes them")?;
    if id.is_ahead_of(Timestamp::now()) {
        return Err("id must not be from the future".to_owned());
    }
    let completed = match object.get("completed") {
        None | Some(Value::Null) => false,
        Some(completed) => completed.as_bool().ok_or("completed must be true or false")?,
    };
    let completed_at = moment(&object, "completed_at")?;
    let deleted_at = moment(&object, "deleted_at")?.map(|moment| moment.min(Timestamp::now()));
    let input = serde_json::from_value::<NewTaskInput>(Value::Object(object));
    let input = input.map_err(|error| error.to_string())?;
    let new = NewTask::try_from(input).map_err(|invalid| invalid.to_string())?;
    let task = Task::with_id(id, user_id, new);
    Ok(Task { completed, completed_at: completed_at.filter(|_| completed), deleted_at, ..task })
}

fn moment(object: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str().and_then(Timestamp::parse) {
            Some(moment) => Ok(Some(moment)),
            None => Err(format!("{name} must be a time such as 2027-02-10T09:00:00Z")),
        },
    }
}
