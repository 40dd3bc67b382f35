//! Deleting tasks, the trash, and restoring.

use futures::future::join_all;
use local::dynamodb::Data;
use local::faults::Fault;
use local::settings::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Caller, Reply, TestApp};

async fn restore(caller: &Caller<'_>, path: &str) -> Reply {
    caller.send(Method::POST, &format!("{path}/restore"), &[], vec![]).await
}

async fn trash(caller: &Caller<'_>) -> Reply {
    caller.get("/api/tasks?status=deleted").await.ok()
}

/// The 18 lists of living tasks.
fn lists() -> impl Iterator<Item = String> {
    ["all", "pending", "completed"].into_iter().flat_map(|status| {
        ["created", "title", "due_date"].into_iter().flat_map(move |sort| {
            ["asc", "desc"]
                .map(|order| format!("/api/tasks?status={status}&sort={sort}&order={order}"))
        })
    })
}

#[tokio::test]
async fn a_deleted_task_is_found_nowhere_but_in_the_trash() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let body = json!({"title": "t", "due_date": "2027-02-10", "priority": "low"});
    let path = alice.post("/api/tasks", body).await.header("location").to_owned();
    let before = alice.flip(&path).await.json();
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    for list in lists() {
        assert_eq!(alice.get(&list).await.ok().json(), json!([]), "{list}");
    }
    for reply in [
        alice.get(&path).await,
        alice.put(&path, json!({"title": "T"})).await,
        alice.put(&path, json!({})).await,
        alice.flip(&path).await,
        alice.delete(&path).await,
        alice.send(Method::PUT, &path, &[("if-match", "\"x\"")], b"{}".to_vec()).await,
    ] {
        assert_eq!(reply.problem(StatusCode::NOT_FOUND), "Task not found");
    }
    let deleted = trash(&alice).await.json()[0].clone();
    let mut expected = before;
    expected["updated_at"] = deleted["updated_at"].clone();
    expected["deleted_at"] = deleted["updated_at"].clone();
    assert_eq!(deleted, expected);
}

#[tokio::test]
async fn a_restored_task_is_as_it_was_and_restoring_it_again_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let before = alice.flip(&path).await;
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    let restored = restore(&alice, &path).await.ok();
    let mut expected = before.json();
    expected["updated_at"] = restored.json()["updated_at"].clone();
    assert_eq!(restored.json(), expected);
    assert_ne!(restored.header("etag"), before.header("etag"), "the old one is of another version");
    assert_eq!(trash(&alice).await.json(), json!([]));
    for list in lists().filter(|list| !list.contains("pending")) {
        assert_eq!(alice.get(&list).await.ok().titles(), ["t"], "{list}");
    }
    let again = restore(&alice, &path).await.ok();
    assert_eq!(again.json(), restored.json());
    assert_eq!(again.header("etag"), restored.header("etag"));
}

#[tokio::test]
async fn the_trash_has_the_latest_deletion_first_and_pages() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for title in ["a", "b", "c", "d", "e"] {
        let path = alice.task(title).await;
        alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    }
    let mut next = Some("/api/tasks?status=deleted&limit=2".to_owned());
    let mut titles = Vec::new();
    while let Some(path) = next {
        let page = alice.get(&path).await.ok();
        titles.push(page.titles());
        next = page.next();
    }
    assert_eq!(titles, [vec!["e", "d"], vec!["c", "b"], vec!["a"]]);
    let oldest = alice.get("/api/tasks?status=deleted&order=asc&limit=1").await.ok();
    assert_eq!(oldest.titles(), ["a"]);
    assert_eq!(trash(&app.user("bob")).await.json(), json!([]));
}

#[tokio::test]
async fn a_task_is_deleted_for_good_from_the_lists_and_from_the_trash() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for is_in_the_trash in [false, true] {
        let path = alice.task("t").await;
        if is_in_the_trash {
            alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
        }
        let for_good = format!("{path}?permanent=true");
        alice.delete(&for_good).await.expect(StatusCode::NO_CONTENT);
        assert_eq!(trash(&alice).await.json(), json!([]));
        restore(&alice, &path).await.problem(StatusCode::NOT_FOUND);
        alice.delete(&for_good).await.problem(StatusCode::NOT_FOUND);
    }
    let path = alice.task("t").await;
    alice.delete(&format!("{path}?permanent=false")).await.expect(StatusCode::NO_CONTENT);
    restore(&alice, &path).await.ok();
    for (query, detail) in [
        ("permanent=yes", "permanent must be true or false"),
        ("permanent=", "permanent must be true or false"),
        ("permanent=true&permanent=true", "permanent must be given only once"),
    ] {
        let reply = alice.delete(&format!("{path}?{query}")).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail);
    }
    alice.get(&path).await.ok();
}

#[tokio::test]
async fn without_a_trash_a_delete_is_for_good() {
    let settings = Settings::default().with("TRASH", "off");
    let app = TestApp::start_with(settings, Data::Memory).await;
    let alice = app.user("alice");
    for fault in Fault::ALL {
        let path = alice.task("t").await;
        app.faults().plan("DeleteItem", fault);
        alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
        assert_eq!(trash(&alice).await.json(), json!([]), "{fault}");
        restore(&alice, &path).await.problem(StatusCode::NOT_FOUND);
        alice.delete(&path).await.problem(StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_stale_restore_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let old = alice.get(&path).await.header("etag").to_owned();
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    let stale = [("if-match", old.as_str())];
    let restore = format!("{path}/restore");
    let conflict = alice.send(Method::POST, &restore, &stale, vec![]).await;
    assert_eq!(conflict.status, StatusCode::PRECONDITION_FAILED);
    assert!(conflict.json()["current"]["deleted_at"].is_string());
    let current = [("if-match", conflict.header("etag"))];
    alice.send(Method::POST, &restore, &current, vec![]).await.ok();
}

#[tokio::test]
async fn nobody_restores_or_sees_another_users_deleted_task() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let path = alice.task("secret").await;
    alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
    restore(&bob, &path).await.problem(StatusCode::FORBIDDEN);
    assert_eq!(trash(&bob).await.json(), json!([]));
    assert_eq!(trash(&alice).await.titles(), ["secret"]);
}

#[tokio::test]
async fn of_many_deletes_at_once_one_succeeds_and_of_many_restores_all_do() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    for _ in 0..3 {
        let deletes = join_all((0..20).map(|_| alice.delete(&path))).await;
        let count = |status| deletes.iter().filter(|reply| reply.status == status).count();
        assert_eq!(count(StatusCode::NO_CONTENT), 1);
        assert_eq!(count(StatusCode::NOT_FOUND), 19);
        let restores = join_all((0..20).map(|_| restore(&alice, &path))).await;
        let tag = alice.get(&path).await.ok().header("etag").to_owned();
        for reply in restores {
            assert_eq!(reply.ok().header("etag"), tag, "one of them restored it");
        }
    }
}

#[tokio::test]
async fn an_update_whose_reply_is_lost_succeeds_although_the_task_was_then_deleted() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    alice.put(&path, json!({"title": "warm"})).await.ok();
    app.faults().plan("UpdateItem", Fault::LostReply);
    let delete = async {
        // While the update waits for its reply, or after it was repeated.
        crate::support::until(|| app.proxy().executed("UpdateItem") >= 2).await;
        alice.delete(&path).await
    };
    let (update, delete) = tokio::join!(alice.put(&path, json!({"title": "T"})), delete);
    delete.expect(StatusCode::NO_CONTENT);
    let task = update.ok().json();
    assert_eq!(task["title"], "T");
    assert!(task.get("deleted_at").is_none());
    assert_eq!(trash(&alice).await.titles(), ["T"]);
}
