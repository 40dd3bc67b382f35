//! `POST /mcp`: the tasks as tools for agents (Model Context Protocol). `GET
//! /.well-known/oauth-protected-resource` says where their tokens come from.
//!
//! Each request stands alone: no session, no stream. `docs/agents.md` describes the tools.

mod call_result;
mod metadata;
mod origin;
mod protocol;
mod tools;

use protocol::Message;
use shared::config::Mcp;
use shared::http::{self, Problem, Request, Response};
use shared::{App, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings: &'static Mcp = Box::leak(Box::new(Mcp::from_env()));
    shared::run(env!("CARGO_PKG_NAME"), move |app, request| handle(app, settings, request)).await
}

async fn handle(app: &App, settings: &Mcp, request: Request) -> Result<Response, Problem> {
    if metadata::is_asked_for(&request) {
        return metadata::reply(settings, &request);
    }
    if !protocol::is_post(&request) {
        return Ok(protocol::only_post());
    }
    origin::check(settings, &request)?;
    let refuse = |error| metadata::challenge(settings, &request, error);
    let user = app.identify(&request).await.map_err(refuse)?;
    let body = http::body_within(&request, http::MAX_BATCH_BYTES)?;
    let call = match protocol::parse(body, &request) {
        Ok(Message::Tool(call)) => call,
        Ok(Message::Other(reply)) => return Ok(reply),
        Err(error) => return Ok(error.into_response()),
    };
    let scoped = settings.needs_scopes();
    let user = if call.tool.is_read_only() { user.reading(scoped) } else { user.writing(scoped) };
    let user = user.map_err(refuse)?;

    let result = call.tool.call(call.arguments, app.tasks(&user)).await;

    Ok(call.caller.reply(&result))
}
