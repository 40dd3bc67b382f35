//! No user can see, change or infer the content of another user's tasks.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::batch::id_of;
use crate::support::TestApp;

#[tokio::test]
async fn another_users_task_is_forbidden_and_unchanged() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let path = bob.task("secret plan").await;
    let before = bob.get(&path).await;
    let tag = before.header("etag").to_owned();
    let complete = format!("{path}/complete");
    for if_match in [None, Some("*"), Some(tag.as_str()), Some("\"wrong\"")] {
        let headers: Vec<(&str, &str)> = if_match.map(|it| ("if-match", it)).into_iter().collect();
        let replies = [
            alice.send(Method::GET, &path, &[("if-none-match", &tag)], vec![]).await,
            alice.json(Method::PUT, &path, &headers, json!({"title": "mine"})).await,
            alice.json(Method::PUT, &path, &headers, json!({})).await,
            alice.send(Method::PATCH, &complete, &headers, vec![]).await,
            alice.json(Method::PATCH, &complete, &headers, json!({"completed": true})).await,
            alice.send(Method::DELETE, &path, &headers, vec![]).await,
        ];
        for reply in replies {
            assert!(!reply.headers.contains_key("etag"));
            let detail = reply.problem(StatusCode::FORBIDDEN);
            assert_eq!(detail, "Not authorized to access this task");
        }
    }
    let after = bob.get(&path).await;
    assert_eq!(after.json(), before.json());
    assert_eq!(after.header("etag"), tag);
}

#[tokio::test]
async fn a_batch_reaches_only_the_callers_tasks() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let (path, deleted) = (bob.task("secret plan").await, bob.task("old plan").await);
    bob.delete(&deleted).await;
    let (before, tag) = (bob.get(&path).await, bob.get(&path).await.header("etag").to_owned());
    let (id, deleted) = (id_of(&path), id_of(&deleted));
    for operation in [
        json!({"op": "update", "id": id, "changes": {"title": "mine"}}),
        json!({"op": "update", "id": id, "changes": {}}),
        json!({"op": "update", "id": id, "changes": {"title": "mine"}, "if_match": tag}),
        json!({"op": "set_completed", "id": id, "completed": true, "if_match": "\"wrong\""}),
        json!({"op": "delete", "id": id}),
        json!({"op": "delete", "id": id, "permanent": true}),
        json!({"op": "restore", "id": id}),
        json!({"op": "restore", "id": deleted}),
    ] {
        let reply = alice.post("/api/batch", json!({ "operations": [operation] })).await.ok();
        let mut result = reply.json()["results"][0].take();
        let problem = result["problem"].take();
        assert_eq!(result, json!({"status": 403, "problem": null}), "{operation}");
        assert_eq!(problem["detail"], "Not authorized to access this task");
        assert_eq!(problem.get("current"), None);
    }
    // At bob's id, alice creates a task of her own.
    let create = json!({"op": "create", "id": id, "task": {"title": "hers"}});
    let reply = alice.post("/api/batch", json!({ "operations": [create] })).await;
    assert_eq!(reply.json()["results"][0]["status"], 201);
    let after = bob.get(&path).await;
    assert_eq!((after.json(), after.header("etag")), (before.json(), tag.as_str()));
    assert_eq!(bob.get("/api/tasks?status=deleted").await.titles(), ["old plan"]);
}

#[tokio::test]
async fn lists_contain_only_the_callers_tasks() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    alice.task("hers").await;
    let path = bob.task("his").await;
    bob.flip(&path).await;
    for status in ["all", "pending", "completed"] {
        for sort in ["created", "title", "due_date"] {
            for order in ["asc", "desc"] {
                let list = format!("/api/tasks?status={status}&sort={sort}&order={order}");
                let titles = alice.get(&list).await.ok().titles();
                let expected = if status == "completed" { vec![] } else { vec!["hers"] };
                assert_eq!(titles, expected, "{list}");
            }
        }
    }
}

#[tokio::test]
async fn another_users_cursor_is_rejected_and_a_forged_one_lists_only_the_callers_tasks() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    for title in ["a", "b", "c"] {
        alice.task(title).await;
        bob.task(title).await;
    }
    for sort in ["created", "title", "due_date"] {
        let list = format!("/api/tasks?sort={sort}&order=asc&limit=1");
        let (hers, his) = (alice.get(&list).await.next(), bob.get(&list).await.next());
        let (hers, his) = (hers.unwrap(), his.unwrap());
        let detail = alice.get(&his).await.problem(StatusCode::BAD_REQUEST);
        assert_eq!(detail, "cursor must be a cursor that this API returned for the same list");

        let mut forged = contents(&his);
        forged["u"] = contents(&hers)["u"].clone();
        let next = alice.get(&format!("{list}&cursor={}", encode(&forged))).await.ok();
        let owners: Vec<Value> =
            next.json().as_array().unwrap().iter().map(|task| task["user_id"].clone()).collect();
        assert_eq!(owners, ["alice"], "{sort}");
    }
}

/// The content of the cursor in `link`.
fn contents(link: &str) -> Value {
    let cursor = link.split("cursor=").nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap()).unwrap()
}

fn encode(cursor: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(cursor.to_string())
}

#[tokio::test]
async fn a_forged_cursor_reveals_nothing() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    for title in ["a", "b"] {
        alice.task(title).await;
        bob.task(title).await;
    }
    let list = "/api/tasks?sort=title&order=asc&limit=1";
    let next = alice.get(list).await.next().unwrap();
    let good = contents(&next);
    let forge = |change: &dyn Fn(&mut Value)| {
        let mut forged = good.clone();
        change(&mut forged);
        encode(&forged)
    };
    // Unknown members are ignored; nothing in a cursor names the user.
    let with_user = forge(&|it| it["user_id"] = json!("bob"));
    let reply = alice.get(&format!("{list}&cursor={with_user}")).await.ok();
    assert_eq!(reply.json()[0]["user_id"], "alice");
    for bad in [
        forge(&|it| it["v"] = json!(0)),
        forge(&|it| it["i"] = json!("bob")),
        forge(&|it| it["u"] = json!("bob")),
        forge(&|it| it["k"] = json!(null)),
        forge(&|it| it["k"] = json!({"S": "x"})),
        forge(&|it| it["status"] = json!("pending")),
        forge(&|it| it["sort"] = json!("due_date")),
        "AAAA".into(),
        "%00".into(),
        String::new(),
    ] {
        let reply = alice.get(&format!("{list}&cursor={bad}")).await;
        let detail = reply.problem(StatusCode::BAD_REQUEST);
        assert_eq!(detail, "cursor must be a cursor that this API returned for the same list");
    }
}
