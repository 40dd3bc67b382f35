//! `GET /api/export`: returns everything that the caller has, as a file.

use shared::http::{self, Export, Problem, Request, Response};
use shared::task::ExportQuery;
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let query = ExportQuery::try_from(http::query(&request))?;

    let mut export = Export::page(query.format, query.cursor.is_none());
    let next = app.tasks(&user).export(&query, |task| export.push(&task)).await?;

    Ok(http::export(&request, export, next.as_ref()))
}
