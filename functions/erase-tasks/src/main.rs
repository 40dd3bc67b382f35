//! `DELETE /api/account-data`: deletes everything that the caller has, for good.

use shared::http::{self, Problem, Request, Response};
use shared::task::ErasureQuery;
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(app: &App, request: Request) -> Result<Response, Problem> {
    let user = app.authenticate(&request).await?;
    let query = ErasureQuery::parse(http::query(&request), user.id())?;

    let erasure = app.tasks(&user).erase(query.cursor).await?;

    Ok(http::erased(&request, &user, erasure))
}
