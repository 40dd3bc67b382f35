//! Several writers of one task, while replies are lost and requests arrive late.

use std::time::Duration;

use futures::future::join_all;
use local::faults::Fault;
use local::lambda::Lambda;
use local::settings::repository;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Caller, TestApp, function, recorded, until};

/// Waits until DynamoDB has executed `count` requests of `operation`.
async fn until_executed(app: &TestApp, operation: &str, count: u64) {
    until(|| app.proxy().executed(operation) >= count).await;
}

/// Waits until a request has met `fault`.
async fn until_met(app: &TestApp, fault: Fault) {
    until(|| app.faults().made().contains_key(&fault)).await;
}

/// The first attempt at an update is executed and its reply lost; the second is held back
/// until the third overtakes it. This leaves time for other requests in between.
fn lose_a_reply_and_delay_the_retry(app: &TestApp) {
    app.faults().plan("UpdateItem", Fault::LostReply);
    app.faults().plan("UpdateItem", Fault::Delay);
}

/// Changes the description until every stray request has arrived.
async fn until_strays_arrived(app: &TestApp, caller: &Caller<'_>, path: &str) {
    while app.proxy().strays() > 0 {
        caller.put(path, json!({"description": "edited"})).await.ok();
    }
}

#[tokio::test]
async fn an_update_whose_reply_is_lost_never_gives_two_contents_one_etag() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("old").await;
    lose_a_reply_and_delay_the_retry(&app);
    let update = alice.put(&path, json!({"title": "new"}));
    let meanwhile = async {
        until_executed(&app, "UpdateItem", 1).await;
        let read = alice.get(&path).await.ok();
        // The second attempt must take the planned fault before the edit does.
        until_met(&app, Fault::Delay).await;
        alice.put(&path, json!({"description": "by another device"})).await.ok();
        read
    };
    let (update, read) = tokio::join!(update, meanwhile);
    let updated = update.ok();
    assert_eq!(updated.json()["description"], "by another device");
    let tag = read.header("etag");
    assert_ne!(updated.header("etag"), tag, "the content is different");
    let again = alice.send(Method::GET, &path, &[("if-none-match", tag)], vec![]).await;
    assert_eq!(again.ok().json(), updated.json());
    let stale = alice.json(Method::PUT, &path, &[("if-match", tag)], json!({"title": "x"})).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "the edit has not been seen");
}

#[tokio::test]
async fn a_flip_that_arrives_after_its_retry_and_an_edit_is_not_executed_again() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for _ in 0..8 {
        let path = alice.task("t").await;
        app.faults().plan("UpdateItem", Fault::Stray);
        assert_eq!(alice.flip(&path).await.ok().json()["completed"], true);
        until_strays_arrived(&app, &alice, &path).await;
        assert_eq!(alice.get(&path).await.ok().json()["completed"], true);
    }
}

#[tokio::test]
async fn a_flip_of_a_task_that_was_just_written_survives_a_failed_attempt() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("young").await;
    for (fault, completed) in [(Fault::Drop, true), (Fault::LostReply, false), (Fault::Cut, true)] {
        alice.put(&path, json!({"title": "written just now"})).await.ok();
        app.faults().plan("UpdateItem", fault);
        assert_eq!(alice.flip(&path).await.ok().json()["completed"], completed, "{fault}");
    }
}

#[tokio::test]
async fn a_flip_whose_reply_is_lost_is_confirmed_despite_concurrent_writes() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    lose_a_reply_and_delay_the_retry(&app);
    let others = async {
        until_met(&app, Fault::Delay).await;
        alice.put(&path, json!({"title": "edited"})).await.ok();
        for _ in 0..6 {
            alice.flip(&path).await.ok();
        }
    };
    let (flip, ()) = tokio::join!(alice.flip(&path), others);
    assert_eq!(flip.ok().json()["title"], "edited", "the reply shows the current task");
    assert_eq!(alice.get(&path).await.ok().json()["completed"], true, "seven flips");
}

#[tokio::test]
async fn concurrent_flips_with_lost_replies_happen_once_each_and_are_confirmed() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    recorded::enable(&app).await;
    app.faults().set_rates("UpdateItem:lost-reply=0.2".parse().unwrap());
    let flips = join_all((0..101).map(|_| alice.flip(&path))).await;
    app.faults().set_rates("".parse().unwrap());
    let count = |status| flips.iter().filter(|reply| reply.status == status).count();
    let (known, unknown) = (count(StatusCode::OK), count(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(known + unknown, 101);
    // Five lost replies in a row have a probability of about 1 in 3,000.
    assert!(unknown <= 3, "{unknown} unknown");
    let history = recorded::histories(&app).await.into_values().next().unwrap();
    let executed = history.len();
    assert!((known..=101).contains(&executed), "{known} confirmed, {executed} executed");
    let completed = alice.get(&path).await.json()["completed"] == true;
    assert_eq!(completed, executed % 2 == 1);
}

#[tokio::test]
async fn an_update_with_if_match_whose_reply_is_lost_is_confirmed_despite_another_write() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let tag = alice.get(&path).await.header("etag").to_owned();
    lose_a_reply_and_delay_the_retry(&app);
    let if_match = [("if-match", tag.as_str())];
    let other = async {
        until_met(&app, Fault::Delay).await;
        alice.flip(&path).await.ok();
    };
    let body = json!({"title": "T"});
    let (reply, ()) = tokio::join!(alice.json(Method::PUT, &path, &if_match, body), other);
    let task = reply.ok().json();
    assert_eq!((&task["title"], &task["completed"]), (&json!("T"), &json!(true)));
}

#[tokio::test]
async fn an_update_that_arrives_late_changes_neither_later_edits_nor_their_times() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    // No attempt arrives in time, so the outcome is unknown.
    for _ in 0..5 {
        app.faults().plan("UpdateItem", Fault::Stray);
    }
    let reply = alice.put(&path, json!({"title": "late"})).await;
    let detail = reply.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert!(detail.starts_with("It is not known"), "{detail}");
    let newer = alice.put(&path, json!({"title": "newer"})).await.ok();
    app.proxy().deliver_strays();
    until(|| app.proxy().strays() == 0).await;
    assert_eq!(alice.get(&path).await.ok().json(), newer.json());
}

#[tokio::test]
async fn a_stale_if_match_is_a_412_whatever_happens_to_the_first_attempt() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let stale = alice.get(&path).await.header("etag").to_owned();
    alice.put(&path, json!({"title": "newer"})).await.ok();
    let if_match = [("if-match", stale.as_str())];
    let complete = format!("{path}/complete");
    for fault in [Fault::Drop, Fault::Error, Fault::Garbage, Fault::LostReply] {
        app.faults().plan("UpdateItem", fault);
        let flip = alice.send(Method::PATCH, &complete, &if_match, vec![]).await;
        assert_eq!(flip.status, StatusCode::PRECONDITION_FAILED, "flip, {fault}");
        app.faults().plan("UpdateItem", fault);
        let update = alice.json(Method::PUT, &path, &if_match, json!({"title": "x"})).await;
        assert_eq!(update.status, StatusCode::PRECONDITION_FAILED, "update, {fault}");
        app.faults().plan("UpdateItem", fault);
        let delete = alice.send(Method::DELETE, &path, &if_match, vec![]).await;
        assert_eq!(delete.status, StatusCode::PRECONDITION_FAILED, "delete, {fault}");
    }
    assert_eq!(alice.get(&path).await.ok().json()["title"], "newer");
}

#[tokio::test]
async fn a_write_that_was_never_sent_is_not_reported_as_unknown() {
    // A port that was just free: connections to it are refused.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{port}");
    for name in ["create-task", "update-task", "toggle-task", "delete-task"] {
        let variables = vec![("AWS_ENDPOINT_URL_DYNAMODB", endpoint.clone())];
        let launch = function::launch_of(name, variables, Duration::from_secs(10));
        let lambda = Lambda::start(vec![launch], std::sync::Arc::new(|_, _| {})).await.unwrap();
        let event = std::fs::read(repository().join(format!("events/{name}.json"))).unwrap();
        let reply = function::ask_with(&lambda, name, event.into()).await;
        assert_eq!(reply["statusCode"], 503, "{name}");
        let problem: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
        let detail = "The service is temporarily unavailable; try again shortly";
        assert_eq!(problem["detail"], detail, "{name}");
    }
}

#[tokio::test]
async fn a_list_of_all_tasks_misses_none_that_is_being_toggled() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("a").await;
    alice.task("b").await;
    for sort in ["title", "due_date"] {
        let toggling = async {
            for _ in 0..60 {
                alice.flip(&path).await.ok();
            }
        };
        let listing = async {
            loop {
                let titles = alice.get(&format!("/api/tasks?sort={sort}")).await.ok().titles();
                assert_eq!(titles.len(), 2, "{titles:?}");
            }
        };
        tokio::select! {
            () = toggling => {}
            () = listing => {}
        }
    }
}
