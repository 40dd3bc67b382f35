//! `PUT /api/tasks/{task_id}`: changes the fields that the body names.

use shared::http::{self, Problem, Request, Response};
use shared::task::{TaskChanges, TaskChangesInput};
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let precondition = http::precondition(&request)?;
    let input: TaskChangesInput = http::body(&request)?;
    let changes = TaskChanges::try_from(input)?;
    let id = http::task_id(&request)?;

    let task = app.tasks(&user).update(id, changes, &precondition).await?;

    Ok(http::ok(&task))
}
