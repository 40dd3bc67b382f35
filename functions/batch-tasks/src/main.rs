//! `POST /api/batch`: carries out up to a hundred writes.

use shared::http::{self, Problem, Request, Response};
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let operations = http::operations(&request)?;

    let results = app.tasks(&user).carry_out(operations).await;

    Ok(http::results(&results))
}
