//! A single function, without a gateway.

use std::time::Duration;

use local::lambda::{Lambda, Launch, Outcome};
use local::settings::{Settings, repository};
use serde_json::Value;

use super::binaries;

/// The name of the function.
pub(crate) const NAME: &str = "get-task";

/// How to start it, with `variables` in addition to those that it always needs.
pub(crate) fn launch(variables: Vec<(&str, String)>, timeout: Duration) -> Launch {
    launch_of(NAME, variables, timeout)
}

/// As [`launch`], for the function `name`.
pub(crate) fn launch_of(name: &str, variables: Vec<(&str, String)>, timeout: Duration) -> Launch {
    let settings = Settings::default();
    let always = [
        ("TASKS_TABLE", "TasksTable"),
        ("IDEMPOTENCY_TABLE", "IdempotencyTable"),
        ("BETTER_AUTH_SECRET", settings.secret()),
    ];
    let always = always.map(|(name, value)| (name, value.to_owned()));
    let environment = always.into_iter().chain(variables);
    Launch {
        name: name.into(),
        binary: binaries()[name].clone(),
        wrapper: Vec::new(),
        timeout,
        memory_size: 256,
        environment: environment.map(|(name, value)| (name.into(), value)).collect(),
    }
}

/// Its event in `events/`.
pub(crate) fn event() -> bytes::Bytes {
    std::fs::read(repository().join("events").join(format!("{NAME}.json"))).unwrap().into()
}

/// Sends the function its event, and returns the reply.
pub(crate) async fn ask(lambda: &Lambda) -> Value {
    ask_with(lambda, NAME, event()).await
}

/// Sends `event` to the function `name`, and returns the reply.
pub(crate) async fn ask_with(lambda: &Lambda, name: &str, event: bytes::Bytes) -> Value {
    let outcome = lambda.invoke(name, event).await.unwrap();
    let Outcome::Reply(reply) = outcome else { panic!("{outcome:?}") };
    serde_json::from_slice(&reply).unwrap()
}
