//! Several writers of one task, while attempts are lost, rejected and late. Their replies are
//! checked against the task's history in DynamoDB's stream.

mod check;
mod writer;

use futures::{StreamExt, stream};
use local::faults::Rates;
use serde_json::json;

use crate::support::{TestApp, recorded, until};
use check::check;
use writer::{Clock, Exchange, Writer};

/// How many tasks there are.
const SEQUENCES: usize = 100;

/// How many writers each task has, and how many requests each of them sends.
const WRITERS: usize = 3;
const STEPS: usize = 5;

/// A third of all attempts fail. None of these faults takes seconds.
fn faults() -> Rates {
    let faults = "drop=0.06,lost-reply=0.1,stray=0.08,throttle=0.04,error=0.03,cut=0.03";
    let all: Vec<_> = faults.split(',').map(|fault| format!("UpdateItem:{fault}")).collect();
    all.join(",").parse().unwrap()
}

/// Runs the writers of one task, and returns its id and their requests and replies.
async fn run(app: &TestApp, name: String) -> (String, Vec<Exchange>) {
    let user = app.user(&name);
    let body = json!({"title": "t", "description": "first", "priority": "low"});
    let path = user.post("/api/tasks", body).await.header("location").to_owned();
    let clock = Clock::default();
    let writers = (0..WRITERS).map(|number| {
        let writer = Writer::new(&user, &path, &clock, format!("{name}-{number}"));
        writer.work(STEPS)
    });
    let exchanges = futures::future::join_all(writers).await.concat();
    (path.rsplit('/').next().unwrap().to_owned(), exchanges)
}

#[tokio::test]
async fn replies_to_concurrent_writers_match_what_happened() {
    let app = TestApp::start().await;
    recorded::enable(&app).await;
    app.faults().set_rates(faults());
    let runs = stream::iter(0..SEQUENCES)
        .map(|number| run(&app, format!("user-{number}")))
        .buffer_unordered(8);
    let runs: Vec<_> = runs.collect().await;
    app.faults().set_rates("".parse().unwrap());
    app.proxy().deliver_strays();
    until(|| app.proxy().strays() == 0).await;
    let mut histories = recorded::histories(&app).await;
    let (mut unknown, mut violations) = (0, Vec::new());
    for (id, exchanges) in runs {
        unknown += exchanges.iter().filter(|exchange| exchange.is_unknown()).count();
        violations.extend(check(&histories.remove(&id).unwrap(), &exchanges));
    }
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
    let requests = SEQUENCES * WRITERS * STEPS;
    assert!(unknown * 50 < requests, "{unknown} of {requests} outcomes are unknown");
}
