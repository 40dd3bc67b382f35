//! `POST /api/tasks/{task_id}/restore`: takes a task out of the trash.

use shared::http::{self, Problem, Request, Response};
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let precondition = http::precondition(&request)?;
    let id = http::task_id(&request)?;

    let task = app.tasks(&user).restore(id, &precondition).await?;

    Ok(http::ok(&task))
}
