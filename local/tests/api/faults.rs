//! Every write with every fault between the functions and DynamoDB: what the caller gets, and
//! what is stored.

use futures::future::join_all;
use local::dynamodb::Data;
use local::faults::Fault;
use local::settings::Settings;
use local::{seed, tables, token};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::task::{NewTask, Task, Timestamp};

use crate::support::{Caller, Reply, TestApp, until};

/// A kind of write. It determines the request and the operation in DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Write {
    Create,
    CreateOnce,
    Update,
    UpdateIfMatch,
    Set,
    SetIfMatch,
    Flip,
    FlipIfMatch,
    Delete,
    DeleteIfMatch,
    DeleteForGood,
    DeleteForGoodIfMatch,
    Restore,
    RestoreIfMatch,
}

impl Write {
    const ALL: [Write; 14] = [
        Write::Create,
        Write::CreateOnce,
        Write::Update,
        Write::UpdateIfMatch,
        Write::Set,
        Write::SetIfMatch,
        Write::Flip,
        Write::FlipIfMatch,
        Write::Delete,
        Write::DeleteIfMatch,
        Write::DeleteForGood,
        Write::DeleteForGoodIfMatch,
        Write::Restore,
        Write::RestoreIfMatch,
    ];

    fn operation(self) -> &'static str {
        match self {
            Write::Create => "PutItem",
            Write::CreateOnce => "TransactWriteItems",
            _ => "UpdateItem",
        }
    }

    fn creates(self) -> bool {
        matches!(self, Write::Create | Write::CreateOnce)
    }

    fn restores(self) -> bool {
        matches!(self, Write::Restore | Write::RestoreIfMatch)
    }

    async fn send(self, caller: &Caller<'_>, path: &str, tag: &str) -> Reply {
        let complete = format!("{path}/complete");
        let restore = format!("{path}/restore");
        let for_good = format!("{path}?permanent=true");
        let if_match = [("if-match", tag)];
        let conditional: &[(&str, &str)] = match self {
            Write::UpdateIfMatch
            | Write::SetIfMatch
            | Write::FlipIfMatch
            | Write::DeleteIfMatch
            | Write::DeleteForGoodIfMatch
            | Write::RestoreIfMatch => &if_match,
            Write::CreateOnce => &[("idempotency-key", "the-key-of-this-test")],
            _ => &[],
        };
        let (method, path, body) = match self {
            Write::Create | Write::CreateOnce => {
                (Method::POST, "/api/tasks", Some(json!({"title": "new"})))
            }
            Write::Update | Write::UpdateIfMatch => {
                (Method::PUT, path, Some(json!({"title": "changed", "priority": "high"})))
            }
            Write::Set | Write::SetIfMatch => {
                (Method::PATCH, complete.as_str(), Some(json!({"completed": true})))
            }
            Write::Flip | Write::FlipIfMatch => (Method::PATCH, complete.as_str(), None),
            Write::Delete | Write::DeleteIfMatch => (Method::DELETE, path, None),
            Write::DeleteForGood | Write::DeleteForGoodIfMatch => {
                (Method::DELETE, for_good.as_str(), None)
            }
            Write::Restore | Write::RestoreIfMatch => (Method::POST, restore.as_str(), None),
        };
        match body {
            Some(body) => caller.json(method, path, conditional, body).await,
            None => caller.send(method, path, conditional, vec![]).await,
        }
    }

    /// Whether the stored tasks show that the write was executed. Panics if it was executed
    /// more than once.
    #[track_caller]
    fn was_executed(self, stored: &Value) -> bool {
        let tasks = stored.as_array().unwrap();
        let with_title = |title| tasks.iter().filter(|task| task["title"] == title).count();
        match self {
            Write::Create | Write::CreateOnce => {
                assert!(with_title("new") <= 1, "{self:?} twice: {stored}");
                assert_eq!(with_title("old"), 1);
                with_title("new") == 1
            }
            Write::Update | Write::UpdateIfMatch => {
                assert_eq!(tasks.len(), 1);
                with_title("changed") == 1
            }
            Write::Set | Write::SetIfMatch | Write::Flip | Write::FlipIfMatch => {
                assert_eq!(with_title("old"), 1);
                tasks[0]["completed"] == true
            }
            Write::Delete
            | Write::DeleteIfMatch
            | Write::DeleteForGood
            | Write::DeleteForGoodIfMatch => tasks.is_empty(),
            Write::Restore | Write::RestoreIfMatch => with_title("old") == 1,
        }
    }
}

/// Stores the task that `write` needs, and returns its path and entity tag. It was created
/// long ago, and is in the trash if it is to be restored.
async fn task_for(write: Write, app: &TestApp, user: &str) -> (String, String) {
    let client = tables::client(&app.server.backend().embedded_url());
    let owner = token::user(&Settings::default(), user).await.unwrap();
    let new = NewTask::titled("old");
    let id = seed::task_id(Timestamp::parse("2026-01-01").unwrap(), [0; 10]).unwrap();
    let deleted_at = write.restores().then(Timestamp::now);
    let task = Task { deleted_at, ..Task::with_id(id, user, new) };
    tables::store(client).tasks(&owner).insert(&task).await.unwrap();
    (format!("/api/tasks/{id}"), format!("\"{}\"", task.revision))
}

/// As [`task_for`], for any write but a restore.
async fn old_task(app: &TestApp, user: &str) -> (String, String) {
    task_for(Write::Update, app, user).await
}

/// Only the first attempt meets the fault.
async fn one_fault(write: Write) {
    let app = TestApp::start().await;
    for fault in Fault::ALL {
        let name = format!("{fault}");
        let user = app.user(&name);
        let (path, tag) = task_for(write, &app, &name).await;
        app.faults().plan(write.operation(), fault);
        let reply = write.send(&user, &path, &tag).await;
        assert!(reply.status.is_success(), "{write:?} with {fault}: {reply:?}");
        assert!(!reply.headers.contains_key("idempotency-replayed"), "{write:?} with {fault}");
        let stored = user.get("/api/tasks").await.ok().json();
        assert!(write.was_executed(&stored), "{write:?} with {fault}: {stored}");
        if reply.status != StatusCode::NO_CONTENT {
            let path = if write.creates() { reply.header("location") } else { &path };
            let found = user.get(path).await.ok();
            assert_eq!(found.json(), reply.json(), "{write:?} with {fault}");
            assert_eq!(found.header("etag"), reply.header("etag"), "{write:?} with {fault}");
        }
        assert_eq!(app.faults().made()[&fault], 1, "{write:?} met {fault}");
    }
}

/// Every attempt meets the fault.
async fn persistent_faults(write: Write, faults: &[Fault]) {
    let app = TestApp::start().await;
    for fault in faults {
        let name = format!("{fault}");
        let user = app.user(&name);
        let (path, tag) = task_for(write, &app, &name).await;
        app.faults().set_rates(format!("{}:{fault}=1", write.operation()).parse().unwrap());
        let reply = write.send(&user, &path, &tag).await;
        app.faults().set_rates("".parse().unwrap());
        let executed = write.was_executed(&user.get("/api/tasks").await.ok().json());
        let case = format!("{write:?} with {fault} each time: {reply:?}");
        assert_eq!(reply.header("retry-after"), "1", "{case}");
        let detail = reply.problem(StatusCode::SERVICE_UNAVAILABLE);
        if *fault == Fault::Throttle {
            assert!(!executed, "{case}");
            assert!(detail.starts_with("The service is temporarily unavailable"), "{case}");
        } else {
            assert!(detail.starts_with("It is not known whether"), "{case}");
        }
        // Writes work again once the faults are over.
        let (path, tag) = task_for(write, &app, &format!("{name} again")).await;
        let again = app.user(&format!("{name} again"));
        assert!(write.send(&again, &path, &tag).await.status.is_success(), "{write:?} {fault}");
    }
}

macro_rules! each_write {
    ($($test:ident: $write:ident,)*) => {
        mod one_fault_goes_unnoticed {
            use super::*;
            $(#[tokio::test] async fn $test() { one_fault(Write::$write).await; })*
        }
        mod persistent_faults_are_a_503_and_never_a_second_execution {
            use super::*;
            $(#[tokio::test] async fn $test() {
                let quick = Fault::ALL.into_iter().filter(|fault| *fault != Fault::Delay);
                persistent_faults(Write::$write, &quick.collect::<Vec<_>>()).await;
            })*
        }
        #[test]
        fn every_write_is_tested() {
            assert_eq!(Write::ALL, [$(Write::$write),*]);
        }
    };
}

each_write! {
    create: Create,
    create_once: CreateOnce,
    update: Update,
    update_if_match: UpdateIfMatch,
    set: Set,
    set_if_match: SetIfMatch,
    flip: Flip,
    flip_if_match: FlipIfMatch,
    delete: Delete,
    delete_if_match: DeleteIfMatch,
    delete_for_good: DeleteForGood,
    delete_for_good_if_match: DeleteForGoodIfMatch,
    restore: Restore,
    restore_if_match: RestoreIfMatch,
}

#[tokio::test]
async fn a_slow_dynamodb_is_a_503_before_the_gateway_gives_up() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let (path, tag) = old_task(&app, "alice").await;
    app.faults().set_rates("delay=1".parse().unwrap());
    let writes = [Write::Create, Write::CreateOnce, Write::Flip, Write::Delete];
    let writes = writes.map(|write| write.send(&alice, &path, &tag));
    let (writes, get, list) =
        tokio::join!(join_all(writes), alice.get(&path), alice.get("/api/tasks?sort=title"));
    // The functions answer themselves: the gateway's 503 would not be a problem document.
    for reply in writes {
        let detail = reply.problem(StatusCode::SERVICE_UNAVAILABLE);
        assert!(detail.starts_with("It is not known whether"), "{detail}");
    }
    for reply in [get, list] {
        let detail = reply.problem(StatusCode::SERVICE_UNAVAILABLE);
        assert!(detail.starts_with("The service is temporarily unavailable"), "{detail}");
    }
}

#[tokio::test]
async fn a_request_that_arrives_after_its_retry_changes_nothing() {
    let app = TestApp::start().await;
    let arrive = Write::ALL.map(async |write| {
        let name = format!("{write:?}");
        let user = app.user(&name);
        let (path, tag) = task_for(write, &app, &name).await;
        app.faults().plan(write.operation(), Fault::Late);
        let reply = write.send(&user, &path, &tag).await;
        assert!(reply.status.is_success(), "{write:?}: {reply:?}");
        (write, user)
    });
    let mut done = Vec::new();
    for arrive in arrive {
        done.push(arrive.await);
    }
    // Waits until each write has arrived twice.
    let executed = || {
        ["PutItem", "TransactWriteItems", "UpdateItem"]
            .map(|operation| app.proxy().executed(operation))
            .iter()
            .sum::<u64>()
    };
    until(|| executed() >= 2 * Write::ALL.len() as u64).await;
    for (write, user) in done {
        let stored = user.get("/api/tasks").await.ok().json();
        assert!(write.was_executed(&stored), "{write:?}: {stored}");
    }
}

#[tokio::test]
async fn a_retried_delete_of_another_users_task_is_still_forbidden() {
    let app = TestApp::start().await;
    let (path, _) = old_task(&app, "alice").await;
    let for_good = format!("{path}?permanent=true");
    for fault in [Fault::Drop, Fault::LostReply] {
        for path in [&path, &for_good] {
            app.faults().plan("UpdateItem", fault);
            let detail = app.user("bob").delete(path).await.problem(StatusCode::FORBIDDEN);
            assert_eq!(detail, "Not authorized to access this task");
        }
    }
    app.user("alice").get(&path).await.ok();
}

#[tokio::test]
async fn reads_survive_every_fault() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let (path, _) = old_task(&app, "alice").await;
    for fault in Fault::ALL {
        app.faults().plan("GetItem", fault);
        app.faults().plan("Query", fault);
        assert_eq!(alice.get(&path).await.ok().json()["title"], "old", "{fault}");
        assert_eq!(alice.get("/api/tasks?sort=title").await.ok().titles(), ["old"], "{fault}");
        app.faults().plan("Query", fault);
        let changes = alice.get("/api/changes").await.ok().json();
        assert_eq!(changes["changes"][0]["task"]["title"], "old", "{fault}");
    }
}

#[tokio::test]
async fn connections_that_broke_while_idle_go_unnoticed() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for write in Write::ALL {
        // Makes the function open a connection.
        let (path, tag) = task_for(write, &app, "alice").await;
        assert!(write.send(&alice, &path, &tag).await.status.is_success(), "{write:?}");
        alice.get("/api/tasks").await.ok();
        app.proxy().drop_connections();
        let name = format!("{write:?}");
        let (path, tag) = task_for(write, &app, &name).await;
        let user = app.user(&name);
        let reply = write.send(&user, &path, &tag).await;
        assert!(reply.status.is_success(), "{write:?}: {reply:?}");
        app.proxy().drop_connections();
        let stored = user.get("/api/tasks").await.ok().json();
        assert!(write.was_executed(&stored), "{write:?}: {stored}");
    }
}

#[tokio::test]
async fn a_write_with_an_unknown_outcome_is_not_reported_as_failed_when_the_check_fails() {
    // Only such a delete has to ask what became of the task.
    let settings = Settings::default().with("TRASH", "off");
    let app = TestApp::start_with(settings, Data::Memory).await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    app.faults().plan("DeleteItem", Fault::LostReply);
    app.faults().set_rates("Query:error=1".parse().unwrap());
    let detail = alice.delete(&path).await.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert!(detail.starts_with("It is not known whether the change was made"), "{detail}");
    app.faults().set_rates("".parse().unwrap());
    alice.get(&path).await.problem(StatusCode::NOT_FOUND);
}
