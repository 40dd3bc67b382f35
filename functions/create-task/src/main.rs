//! `POST /api/tasks`: creates a pending task.

use shared::http::{self, Problem, Request, Response};
use shared::task::{NewTask, NewTaskInput};
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let key = http::idempotency_key(&request)?;
    let input: NewTaskInput = http::body(&request)?;
    let new_task = NewTask::try_from(input)?;

    let created = app.tasks(&user).create(new_task, key.as_ref()).await?;

    Ok(http::created(&request, &created))
}
