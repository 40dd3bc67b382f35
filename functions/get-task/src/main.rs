//! `GET /api/tasks/{task_id}`: returns one task of the caller.

use shared::http::{self, Problem, Request, Response};
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let known = http::if_none_match(&request)?;
    let id = http::task_id(&request)?;

    let task = app.tasks(&user).get(id).await?;

    Ok(http::ok_unless_known(&task, &known))
}
