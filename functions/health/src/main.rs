//! `GET /health`: reports that the API is deployed and replies. It needs no token and
//! touches no table, so monitoring it costs next to nothing.

use serde::Serialize;
use shared::Error;
use shared::http::{self, Problem, Request, Response};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run_public(env!("CARGO_PKG_NAME"), handle).await
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

async fn handle(_request: Request) -> Result<Response, Problem> {
    Ok(http::ok_json(&Health { status: "healthy" }))
}
