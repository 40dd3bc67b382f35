//! Several writers on one task while attempts are lost, refused and late: what each
//! of them was told, against the history that DynamoDB's stream has of the task.

mod check;
mod writer;

use futures::{StreamExt, stream};
use local::faults::Rates;
use serde_json::json;

use crate::support::{TestApp, recorded, until};
use check::check;
use writer::{Clock, Told, Writer};

/// How many tasks are fought over.
const SEQUENCES: usize = 240;

/// How many writers each task has, and what each of them does.
const WRITERS: usize = 3;
const STEPS: usize = 5;

/// A third of all attempts go wrong. Nothing here takes seconds.
fn faults() -> Rates {
    let faults = "drop=0.06,lost-reply=0.1,stray=0.08,throttle=0.04,error=0.03,cut=0.03";
    let mut all = Vec::new();
    for operation in ["UpdateItem", "DeleteItem"] {
        all.extend(faults.split(',').map(|fault| format!("{operation}:{fault}")));
    }
    all.join(",").parse().unwrap()
}

/// Lets the writers of one task loose, and returns what they were told.
async fn fight(app: &TestApp, name: String) -> (String, Vec<Told>) {
    let user = app.user(&name);
    let body = json!({"title": "t", "description": "first", "priority": "low"});
    let path = user.post("/api/tasks", body).await.header("location").to_owned();
    let clock = Clock::default();
    let writers = (0..WRITERS).map(|number| {
        let writer = Writer::new(&user, &path, &clock, format!("{name}-{number}"));
        writer.work(STEPS)
    });
    let told = futures::future::join_all(writers).await.concat();
    (path.rsplit('/').next().unwrap().to_owned(), told)
}

#[tokio::test]
async fn replies_to_concurrent_writers_match_what_happened() {
    let app = TestApp::start().await;
    recorded::enable(&app).await;
    app.faults().set_rates(faults());
    let fights = stream::iter(0..SEQUENCES)
        .map(|number| fight(&app, format!("user-{number}")))
        .buffer_unordered(8);
    let fights: Vec<_> = fights.collect().await;
    app.faults().set_rates("".parse().unwrap());
    app.proxy().deliver_strays();
    until(|| app.proxy().strays() == 0).await;
    let mut histories = recorded::histories(&app).await;
    let (mut unknown, mut violations) = (0, Vec::new());
    for (id, told) in fights {
        unknown += told.iter().filter(|told| told.is_unknown()).count();
        violations.extend(check(&histories.remove(&id).unwrap(), &told));
    }
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
    let requests = SEQUENCES * WRITERS * STEPS;
    assert!(unknown * 50 < requests, "{unknown} of {requests} outcomes are unknown");
}
