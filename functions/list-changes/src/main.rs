//! `GET /api/changes`: returns what has changed since the last call.

use shared::http::{self, Change, Page, Problem, Request, Response};
use shared::task::FeedQuery;
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let query = FeedQuery::try_from(http::query(&request))?;

    let mut page = Page::default();
    let take = |entry: &_| page.push(&Change(entry));
    let rest = app.tasks(&user).changes(&query, take).await?;

    Ok(http::changes(page, &rest))
}
