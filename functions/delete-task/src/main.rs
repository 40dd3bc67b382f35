//! `DELETE /api/tasks/{task_id}`: moves a task to the trash, or deletes it for good.

use shared::http::{self, Problem, Request, Response};
use shared::task::DeleteQuery;
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let query = DeleteQuery::try_from(http::query(&request))?;
    let precondition = http::precondition(&request)?;
    let id = http::task_id(&request)?;

    let tasks = app.tasks(&user);
    if query.permanent {
        tasks.delete_for_good(id, &precondition).await?;
    } else {
        tasks.delete(id, &precondition).await?;
    }

    Ok(http::no_content())
}
