//! `PUT /api/tasks/{task_id}`: changes the fields that the body names; with
//! `If-None-Match: *`, creates the task at this id.

use shared::http::{self, Problem, Request, Response};
use shared::task::{NewTask, NewTaskInput, Precondition, TaskChanges, TaskChangesInput};
use shared::{App, Error, User};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let precondition = http::precondition(&request)?;
    if precondition == Precondition::Absent {
        return create(app, &user, &request).await;
    }
    let input: TaskChangesInput = http::body(&request)?;
    let changes = TaskChanges::try_from(input)?;
    let id = http::task_id(&request)?;

    let task = app.tasks(&user).update(id, changes, &precondition).await?;

    Ok(http::ok(&task))
}

async fn create(app: &App, user: &User, request: &Request) -> Result<Response, Problem> {
    let input: NewTaskInput = http::body(request)?;
    let new_task = NewTask::try_from(input)?;
    let id = http::new_task_id(request)?;

    let created = app.tasks(user).create_at(id, new_task).await?;

    Ok(http::created_at(request, &created))
}
