//! Batches: operations from JSON, and their results as JSON.
//!
//! A batch that no correct client sends is refused as a whole, before anything is done. What
//! a user can get wrong in one operation is an error of that operation, the same as of the
//! endpoint that does it alone.

use std::collections::HashSet;

use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::problem::Body;
use super::request::{body_within, existing_id, if_match, new_id, object, what_is_wrong};
use super::response::{self, to_json};
use super::{Problem, Response, entity_tag};
use crate::json;
use crate::record;
use crate::store::{Created, Outcome};
use crate::task::{
    FieldError, Invalid, MAX_OPERATIONS, NewTask, NewTaskInput, Operation, Precondition,
    TRUE_OR_FALSE, Task, TaskChanges, TaskChangesInput,
};

/// The largest body of a batch, in bytes.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// The body of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchInput<'a> {
    #[serde(borrow, default)]
    operations: Member<'a>,
}

/// The members of an operation.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Members<'a> {
    #[serde(borrow)]
    op: Member<'a>,
    #[serde(borrow)]
    id: Member<'a>,
    #[serde(borrow)]
    task: Member<'a>,
    #[serde(borrow)]
    changes: Member<'a>,
    #[serde(borrow)]
    completed: Member<'a>,
    #[serde(borrow)]
    permanent: Member<'a>,
    #[serde(borrow)]
    if_match: Member<'a>,
}

/// The JSON of a member, if it was sent.
#[derive(Clone, Copy, Default)]
struct Member<'a>(Option<&'a RawValue>);

/// What an operation does.
#[derive(Clone, Copy)]
enum Op {
    Create,
    Update,
    SetCompleted,
    Delete,
    Restore,
}

/// An operation of a batch that is accepted; its content may be invalid.
struct Accepted<'a> {
    op: Op,
    id: String,
    members: Members<'a>,
}

/// Parses the operations of a batch. An operation with invalid content becomes the problem
/// that its own endpoint returns.
///
/// # Errors
///
/// 413 if the body is larger than [`MAX_BATCH_BYTES`], 415 if its content type is not JSON,
/// 400 if it has other members than `operations`, if these are not 1 to
/// [`MAX_OPERATIONS`], if one of them has no `id`, an unknown `op` or an unknown member, or
/// if two have the same id.
pub fn operations(request: &Request) -> Result<Vec<Result<Operation, Problem>>, Problem> {
    let bytes = body_within(request, MAX_BATCH_BYTES)?;
    let BatchInput { operations } = object("The body", bytes)?;
    let Some(operations) = operations.parse::<Vec<&RawValue>>() else {
        return Err(Problem::invalid("operations", "must be an array"));
    };
    if !(1..=MAX_OPERATIONS).contains(&operations.len()) {
        let detail = format!("must be 1 to {MAX_OPERATIONS}, not {}", operations.len());
        return Err(Problem::invalid("operations", &detail));
    }
    let accepted = accept(&operations)?;
    Ok(accepted.into_iter().map(Accepted::read).collect())
}

/// Returns the operations, or for each that no correct client sends, why.
fn accept<'a>(operations: &[&'a RawValue]) -> Result<Vec<Accepted<'a>>, Problem> {
    let (mut accepted, mut errors, mut ids) = (Vec::new(), Vec::new(), HashSet::new());
    let mut refuse = |index, member: &str, detail: &str| {
        let field = format!("operations[{index}]{member}").into();
        errors.push(FieldError { field, detail: detail.to_owned() });
    };
    for (index, operation) in operations.iter().enumerate() {
        match Accepted::accept(operation) {
            Ok(operation) => {
                // An id may be sent in either case.
                if !ids.insert(operation.id.to_ascii_lowercase()) {
                    refuse(index, ".id", "occurs twice in the batch");
                }
                accepted.push(operation);
            }
            Err((member, detail)) => refuse(index, member, &detail),
        }
    }
    if errors.is_empty() { Ok(accepted) } else { Err(Invalid { errors }.into()) }
}

impl<'a> Accepted<'a> {
    /// Returns the operation, or which of its members is wrong, and why.
    fn accept(operation: &'a RawValue) -> Result<Accepted<'a>, (&'static str, String)> {
        let members: Members<'a> = json::object(operation.get().as_bytes())
            .map_err(|error| ("", format!("{}, in this operation", what_is_wrong(&error))))?;
        let op = members.op.text();
        let Some(op) = op.as_deref().and_then(Op::parse) else {
            let rule = "must be create, update, set_completed, delete or restore";
            return Err((".op", rule.to_owned()));
        };
        let Some(id) = members.id.text() else {
            return Err((".id", "must be a string".to_owned()));
        };
        match members.other(op.members()) {
            Some(other) => Err((other, format!("does not belong to {}", op.name()))),
            None => Ok(Accepted { op, id, members }),
        }
    }

    /// Parses the content, in the order in which the endpoint of the operation does.
    fn read(self) -> Result<Operation, Problem> {
        let Accepted { op, id, members } = self;
        Ok(match op {
            Op::Create => {
                let new = NewTask::try_from(members.task.object::<NewTaskInput>("task")?)?;
                Operation::Create { id: new_id(&id)?, new }
            }
            Op::Update => {
                let precondition = members.precondition()?;
                let changes = members.changes.object::<TaskChangesInput>("changes")?;
                let changes = TaskChanges::try_from(changes)?;
                Operation::Update { id: existing_id(&id)?, changes, precondition }
            }
            Op::SetCompleted => {
                let precondition = members.precondition()?;
                let completed = members.completed.flag("completed")?;
                let completed =
                    completed.ok_or_else(|| Problem::invalid("completed", "is required"))?;
                Operation::SetCompleted { id: existing_id(&id)?, completed, precondition }
            }
            Op::Delete => {
                let permanent = members.permanent.flag("permanent")?.unwrap_or(false);
                let precondition = members.precondition()?;
                Operation::Delete { id: existing_id(&id)?, permanent, precondition }
            }
            Op::Restore => {
                let precondition = members.precondition()?;
                Operation::Restore { id: existing_id(&id)?, precondition }
            }
        })
    }
}

impl Op {
    const ALL: [Op; 5] = [Op::Create, Op::Update, Op::SetCompleted, Op::Delete, Op::Restore];

    fn parse(name: &str) -> Option<Op> {
        Op::ALL.into_iter().find(|op| op.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Update => "update",
            Op::SetCompleted => "set_completed",
            Op::Delete => "delete",
            Op::Restore => "restore",
        }
    }

    /// Returns the members that it may have besides `op` and `id`.
    fn members(self) -> &'static [&'static str] {
        match self {
            Op::Create => &[".task"],
            Op::Update => &[".changes", ".if_match"],
            Op::SetCompleted => &[".completed", ".if_match"],
            Op::Delete => &[".permanent", ".if_match"],
            Op::Restore => &[".if_match"],
        }
    }
}

impl Members<'_> {
    /// Returns a member that was sent and is not among `known`.
    fn other(&self, known: &[&str]) -> Option<&'static str> {
        let Members { op: _, id: _, task, changes, completed, permanent, if_match } = self;
        let members = [
            (".task", task),
            (".changes", changes),
            (".completed", completed),
            (".permanent", permanent),
            (".if_match", if_match),
        ];
        let mut sent = members.into_iter().filter(|(_, sent)| sent.0.is_some());
        sent.find_map(|(name, _)| (!known.contains(&name)).then_some(name))
    }

    fn precondition(&self) -> Result<Precondition, Problem> {
        match self.if_match.0 {
            None => Ok(Precondition::Exists),
            Some(_) => if_match("if_match", self.if_match.text().as_deref()),
        }
    }
}

impl<'a> Member<'a> {
    fn parse<T: Deserialize<'a>>(self) -> Option<T> {
        self.0.and_then(|json| serde_json::from_str(json.get()).ok())
    }

    /// Returns the string that was sent, if it was one.
    fn text(self) -> Option<String> {
        self.parse()
    }

    fn flag(self, name: &'static str) -> Result<Option<bool>, Problem> {
        match self.0 {
            None => Ok(None),
            Some(_) => self.parse().map(Some).ok_or_else(|| Problem::invalid(name, TRUE_OR_FALSE)),
        }
    }

    fn object<T: Deserialize<'a>>(self, name: &'static str) -> Result<T, Problem> {
        let json = self.0.ok_or_else(|| Problem::invalid(name, "is required"))?;
        object(name, json.get().as_bytes())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not as an `Option`, for which `null` is absent.
        <&RawValue>::deserialize(deserializer).map(|json| Member(Some(json)))
    }
}

/// The result of an operation.
#[derive(Serialize)]
struct OperationResult<'a> {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a Task>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Body<'a>>,
}

#[derive(Serialize)]
struct Results<'a> {
    results: Vec<OperationResult<'a>>,
}

/// 200 with the result of each operation: the status, the entity tag and the body that the
/// same request has alone. The log records how many failed.
#[must_use]
pub fn results(results: &[Result<Outcome, Problem>]) -> Response {
    record_results(results.len(), results.iter().filter_map(|result| result.as_ref().err()));
    let request_id = record::request_id();
    let results = results.iter().map(|result| match result {
        Ok(outcome) => done(outcome),
        Err(problem) => failed(problem, &request_id),
    });
    response::json(StatusCode::OK, to_json(&Results { results: results.collect() }))
}

/// Notes for the log that the request consisted of `count` operations, and which of their
/// `problems` are a 5xx.
pub fn record_results<'a>(count: usize, problems: impl Iterator<Item = &'a Problem>) {
    record::operations(count);
    for problem in problems {
        if problem.status().is_server_error() {
            record::failure(problem.cause());
        }
    }
}

fn done(outcome: &Outcome) -> OperationResult<'_> {
    let (status, task) = match outcome {
        Outcome::Created(Created { task, replayed: false }) => (StatusCode::CREATED, Some(task)),
        Outcome::Created(Created { task, replayed: true }) | Outcome::Written(task) => {
            (StatusCode::OK, Some(task))
        }
        Outcome::Deleted => (StatusCode::NO_CONTENT, None),
    };
    OperationResult { status: status.as_u16(), etag: task.map(entity_tag::of), task, problem: None }
}

fn failed<'a>(problem: &'a Problem, request_id: &'a str) -> OperationResult<'a> {
    OperationResult {
        status: problem.status().as_u16(),
        etag: problem.current().map(entity_tag::of),
        task: None,
        problem: Some(problem.body(request_id)),
    }
}
