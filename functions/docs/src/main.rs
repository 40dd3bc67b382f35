//! `GET /docs`: the API's page; `GET /docs/{file}`: the files of the page; `GET
//! /openapi.json`: the contract. None of them needs a token.

mod files;

use shared::Error;
use shared::http::{self, Problem, Request, Response};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::run_public(env!("CARGO_PKG_NAME"), handle).await
}

async fn handle(request: Request) -> Result<Response, Problem> {
    // An invalid entity tag matches no document.
    let known = http::if_none_match(&request).unwrap_or_default();
    let gzip = http::accepts_gzip(&request);
    let document = match http::path_parameter(&request, "file") {
        Some(name) => files::part(name, gzip).ok_or_else(Problem::not_found)?,
        None if http::path(&request).ends_with("/openapi.json") => files::contract(gzip),
        None => files::page(),
    };

    Ok(http::document(document, &known))
}
