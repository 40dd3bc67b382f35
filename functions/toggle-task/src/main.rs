//! `PATCH /api/tasks/{task_id}/complete`: flips a task between pending and
//! completed, or sets it to what the body says.

use shared::http::{self, Problem, Request, Response};
use shared::task::{Toggle, ToggleInput};
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let precondition = http::precondition(&request)?;
    let input: ToggleInput = http::optional_body(&request)?;
    let toggle = Toggle::try_from(input)?;
    let id = http::task_id(&request)?;

    let task = app.tasks(&user).toggle(id, toggle, &precondition).await?;

    Ok(http::ok(&task))
}
