//! An operation does the same in a batch as alone.

use std::collections::BTreeMap;

use fastrand::Rng;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared::task::{TaskId, Timestamp};

use super::{id_of, results};
use crate::support::{Caller, Reply, TestApp};

/// How many batches are compared.
const BATCHES: usize = 12;

/// The user's tasks, by what they are called here.
const TASKS: [&str; 9] = [
    "pending",
    "completed",
    "changed",
    "made",
    "remade",
    "trashed",
    "trashed too",
    "erased",
    "gone",
];

/// One of two users with the same tasks, at ids of their own that were made at the same
/// moment.
struct Twin<'a> {
    caller: Caller<'a>,
    ids: BTreeMap<&'static str, String>,
    /// Entity tags that were current once.
    stale: BTreeMap<&'static str, String>,
    /// The token of a device that is up to date at the start.
    since: String,
}

impl<'a> Twin<'a> {
    async fn new(caller: Caller<'a>, now: Timestamp, other: &str) -> Twin<'a> {
        let none = [("if-none-match", "*")];
        let (ids, stale) = (BTreeMap::new(), BTreeMap::new());
        let mut twin = Twin { caller, ids, stale, since: String::new() };
        for name in TASKS.into_iter().chain(["absent", "absent too"]) {
            twin.ids.insert(name, TaskId::at(now).to_string());
        }
        twin.ids.insert("other", other.to_owned());
        twin.ids.insert("nonsense", "x".to_owned());
        twin.ids.insert("future", TaskId::at(now.after_seconds(3600).unwrap()).to_string());
        let tags = join_all(TASKS.map(async |name| {
            let path = twin.path(name);
            let body = json!({"title": name, "description": "d"});
            let task = twin.caller.json(Method::PUT, &path, &none, body).await;
            match name {
                "completed" => drop(twin.caller.flip(&path).await.ok()),
                "changed" => drop(twin.caller.put(&path, json!({"priority": "low"})).await.ok()),
                "trashed" | "trashed too" => drop(twin.caller.delete(&path).await),
                "erased" | "gone" => {
                    drop(twin.caller.delete(&format!("{path}?permanent=true")).await);
                }
                _ => {}
            }
            (name, task.header("etag").to_owned())
        }));
        twin.stale = tags.await.into_iter().collect();
        let changes = twin.caller.get("/api/changes").await.ok().json();
        twin.since = changes["next"].as_str().unwrap().to_owned();
        twin
    }

    fn path(&self, name: &str) -> String {
        format!("/api/tasks/{}", self.ids[name])
    }

    /// The operation with this user's ids and tags.
    async fn own(&self, operation: &Value) -> Value {
        let mut own = operation.clone();
        let name = operation["id"].as_str().unwrap();
        own["id"] = json!(self.ids[name]);
        let tag = match operation["if_match"].as_str() {
            Some("stale") => self.stale.get(name).cloned(),
            Some("current") => self.caller.get(&self.path(name)).await.headers.get("etag").cloned(),
            _ => return own,
        };
        own["if_match"] = json!(tag.unwrap_or_else(|| "\"none\"".to_owned()));
        own
    }

    /// Sends an operation by itself. Returns the result that a batch should have.
    async fn alone(&self, operation: &Value) -> Value {
        let path = format!("/api/tasks/{}", operation["id"].as_str().unwrap());
        let mut headers: Vec<(&str, &str)> = Vec::new();
        headers.extend(operation["if_match"].as_str().map(|tags| ("if-match", tags)));
        let caller = &self.caller;
        let reply = match operation["op"].as_str().unwrap() {
            "create" => {
                headers.push(("if-none-match", "*"));
                caller.json(Method::PUT, &path, &headers, operation["task"].clone()).await
            }
            "update" => {
                caller.json(Method::PUT, &path, &headers, operation["changes"].clone()).await
            }
            "set_completed" => {
                let body = json!({"completed": operation["completed"]});
                caller.json(Method::PATCH, &format!("{path}/complete"), &headers, body).await
            }
            "delete" => {
                let query = match &operation["permanent"] {
                    Value::Null => String::new(),
                    permanent => format!("?permanent={permanent}"),
                };
                caller.send(Method::DELETE, &format!("{path}{query}"), &headers, vec![]).await
            }
            _ => caller.send(Method::POST, &format!("{path}/restore"), &headers, vec![]).await,
        };
        result_of(&reply)
    }

    /// The living tasks, the trash, and what a device that follows the changes has heard.
    async fn state(&self) -> Value {
        let living = self.caller.get("/api/tasks?order=asc").await.ok().json();
        let trash = self.caller.get("/api/tasks?status=deleted").await.ok().json();
        let feed = format!("/api/changes?since={}", self.since);
        let changes = self.caller.get(&feed).await.ok().json()["changes"].take();
        let mut state = json!({"living": living, "trash": trash, "changes": changes});
        for list in ["living", "trash", "changes"] {
            let tasks = state[list].as_array_mut().unwrap();
            tasks.iter_mut().for_each(|task| self.mask(task));
            tasks.sort_by_key(|task| task["id"].to_string());
        }
        state
    }

    /// Replaces what may differ between the users: ids, and the moments of writes.
    fn mask(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match name.as_str() {
                        "updated_at" | "deleted_at" | "request_id" | "etag" | "user_id" => {
                            *value = json!(value.is_string());
                        }
                        "completed_at" => *value = json!(value.is_string()),
                        "id" => {
                            let known = self.ids.iter().find(|(_, id)| *value == id.as_str());
                            *value = json!(known.unwrap().0);
                        }
                        _ => self.mask(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask(item)),
            _ => {}
        }
    }
}

/// What the result in a batch should be, given the reply to the same operation alone.
fn result_of(reply: &Reply) -> Value {
    let mut result = json!({ "status": reply.status.as_u16() });
    if let Some(tag) = reply.headers.get("etag") {
        result["etag"] = json!(tag);
    }
    if reply.status.is_success() && !reply.body.is_empty() {
        result["task"] = reply.json();
    } else if !reply.status.is_success() {
        let text = reply.json().to_string();
        result["problem"] =
            serde_json::from_str(&text.replace("If-Match must", "if_match must")).unwrap();
    }
    result
}

fn random_content(random: &mut Rng) -> Value {
    let mut content = json!({});
    for (field, values) in [
        (
            "title",
            vec![json!("pending"), json!("new"), json!(""), json!(null), json!("x".repeat(201))],
        ),
        ("description", vec![json!("d"), json!(null), json!(5)]),
        ("priority", vec![json!("high"), json!(null), json!("urgent")]),
        ("due_date", vec![json!("2027-02-10"), json!("2027-02-30"), json!(null)]),
        ("completed", vec![json!(true), json!(false), json!("yes")]),
        ("id", vec![json!("ignored")]),
    ] {
        if random.u8(0..3) == 0 {
            // Mostly valid: the first one.
            let index = if random.u8(0..4) > 0 { 0 } else { random.usize(0..values.len()) };
            content[field] = values[index].clone();
        }
    }
    content
}

fn random_operation(random: &mut Rng, name: &str) -> Value {
    let op = random.choice(["create", "update", "set_completed", "delete", "restore"]).unwrap();
    let mut operation = json!({"op": op, "id": name});
    match op {
        "create" => {
            // What "made" and the others were made from, or something else.
            operation["task"] = match random.u8(0..3) {
                0 => json!({"title": name, "description": "d"}),
                1 => json!({"title": "another"}),
                _ => random_content(random),
            };
        }
        "update" => operation["changes"] = random_content(random),
        "set_completed" => {
            let values = [json!(true), json!(false), json!(true), json!(false), json!(1)];
            operation["completed"] = random.choice(values).unwrap();
        }
        "delete" if random.bool() => {
            operation["permanent"] = random.choice([json!(true), json!(false), json!(7)]).unwrap();
        }
        _ => {}
    }
    if op != "create" && random.bool() {
        // Mostly the current version.
        let tags = ["current", "stale", "*", "\"none\"", "W/\"x\"", "nonsense", ""];
        let tag = random.usize(0..12).saturating_sub(5);
        operation["if_match"] = json!(tags[tag]);
    }
    operation
}

#[tokio::test]
async fn an_operation_has_the_same_effect_and_result_in_a_batch_and_alone() {
    let app = TestApp::start().await;
    let other = app.user("mallory").task("hers").await;
    let mut seen = BTreeMap::<String, usize>::new();
    for seed in 0..BATCHES {
        let mut random = Rng::with_seed(seed as u64);
        let now = Timestamp::now();
        let (one, two) = (format!("batch {seed}"), format!("alone {seed}"));
        let (one, two) = tokio::join!(
            Twin::new(app.user(&one), now, id_of(&other)),
            Twin::new(app.user(&two), now, id_of(&other)),
        );
        let mut names: Vec<&str> = one.ids.keys().copied().collect();
        random.shuffle(&mut names);
        let operations: Vec<Value> =
            names.iter().map(|name| random_operation(&mut random, name)).collect();

        let mut batch = Vec::new();
        for operation in &operations {
            batch.push(one.own(operation).await);
        }
        let results = results(&one.caller, &batch).await;
        for (operation, result) in operations.iter().zip(&results) {
            let mut alone = two.alone(&two.own(operation).await).await;
            let mut result = result.clone();
            if let Some(tag) = result.get("task").and(result.get("etag")) {
                let path = one.path(operation["id"].as_str().unwrap());
                assert_eq!(one.caller.get(&path).await.header("etag"), *tag, "{operation}");
            }
            one.mask(&mut result);
            two.mask(&mut alone);
            assert_eq!(result, alone, "batch {seed}: {operation}");
            *seen.entry(format!("{} {}", operation["op"], alone["status"])).or_default() += 1;
        }
        assert_eq!(one.state().await, two.state().await, "batch {seed}: {operations:?}");
    }
    for kind in [
        "create 201",
        "create 200",
        "create 400",
        "create 409",
        "create 412",
        "update 200",
        "update 400",
        "update 404",
        "update 412",
        "set_completed 200",
        "set_completed 400",
        "set_completed 404",
        "delete 204",
        "delete 400",
        "delete 404",
        "restore 200",
        "restore 403",
        "restore 404",
    ] {
        let (op, status) = kind.split_once(' ').unwrap();
        assert!(seen.contains_key(&format!("\"{op}\" {status}")), "{kind} is not in {seen:?}");
    }
}
