//! `GET /api/tasks`: returns the caller's tasks, filtered, sorted and in pages.

use shared::http::{self, Page, Problem, Request, Response};
use shared::task::ListQuery;
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let query = ListQuery::try_from(http::query(&request))?;

    let mut page = Page::default();
    let next = app.tasks(&user).list(&query, |task| page.push(&task)).await?;

    Ok(http::list(&request, page, next.as_ref()))
}
