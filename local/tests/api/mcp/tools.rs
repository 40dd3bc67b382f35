//! What each tool does, and what it refuses.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::task::TaskId;

use super::definitions;
use crate::support::TestApp;
use crate::support::document::document;

#[tokio::test]
async fn an_agent_plans_a_day_with_every_tool() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let tasks = json!([
        {"title": "Buy milk", "labels": ["home"], "due": {"date": "2027-02-10"}},
        {"title": "Call Ada", "priority": "high", "description": "About the plan"},
    ]);
    let added = alice.tool("add_tasks", json!({ "tasks": tasks })).await.done();
    assert_eq!((&added["done"], &added["not_done"]), (&json!(2), &json!(0)));
    let [milk, ada] = [0, 1].map(|index| added["results"][index]["id"].clone());
    assert_eq!(added["results"][0]["title"], "Buy milk");

    let found = alice.tool("find_tasks", json!({})).await.done();
    assert_eq!(found["tasks"][0]["id"], ada, "the newest first");
    let expected = json!({
        "id": milk, "title": "Buy milk", "completed": false, "labels": ["home"],
        "due": {"date": "2027-02-10"},
        "created_at": found["tasks"][1]["created_at"], "revision": added["results"][0]["revision"],
    });
    assert_eq!(found["tasks"][1], expected, "no member is empty");

    let change = json!({"id": ada, "title": "Call Ada back", "priority": null});
    alice.tool("update_tasks", json!({"tasks": [change]})).await.done();
    alice.tool("complete_tasks", json!({"ids": [milk, ada]})).await.done();
    alice.tool("reopen_tasks", json!({"ids": [ada]})).await.done();
    let deleted = alice.tool("delete_tasks", json!({"ids": [milk]})).await.done();
    assert_eq!(deleted["results"], json!([{"outcome": "done", "id": milk}]));
    let tasks = alice.get("/api/tasks").await.ok().json();
    assert_eq!(tasks.as_array().unwrap().len(), 1);
    assert_eq!(tasks[0]["title"], "Call Ada back");
    assert_eq!(tasks[0]["description"], "About the plan", "what is absent stays");
    assert_eq!((&tasks[0]["priority"], &tasks[0]["completed"]), (&Value::Null, &json!(false)));
    let trash = alice.tool("find_tasks", json!({"status": "deleted"})).await.done();
    assert!(trash["tasks"][0]["deleted_at"].is_string());
    alice.tool("restore_tasks", json!({"ids": [milk]})).await.done();
    assert_eq!(alice.get("/api/tasks?status=completed").await.titles(), ["Buy milk"]);
}

#[tokio::test]
async fn tasks_are_found_by_everything_that_lists_filter_by() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for task in [
        json!({"title": "Äpfel", "labels": ["Garden", "home"], "due": {"date": "2027-02-10"}}),
        json!({"title": "Milk", "priority": "high", "due": {"local": "2027-02-11T23:00:00"}}),
        json!({"title": "Ada", "priority": "low", "description": "apfel pie", "labels": ["home"]}),
    ] {
        alice.add(task).await;
    }
    for (arguments, titles) in [
        (json!({}), vec!["Ada", "Milk", "Äpfel"]),
        (json!({"query": "apfel"}), vec!["Ada", "Äpfel"]),
        (json!({"labels": ["HOME", "garden"]}), vec!["Äpfel"]),
        (json!({"priorities": ["low", "high"]}), vec!["Ada", "Milk"]),
        (json!({"due_after": "2027-02-11"}), vec!["Milk"]),
        (json!({"due_before": "2027-02-12", "time_zone": "Asia/Tokyo"}), vec!["Äpfel", "Milk"]),
        (json!({"sort": "title", "order": "desc", "limit": 2}), vec!["Milk", "Äpfel"]),
        (json!({"status": "completed", "query": null}), vec![]),
    ] {
        let found = alice.tool("find_tasks", arguments.clone()).await.done();
        let found: Vec<&str> = found["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["title"].as_str().unwrap())
            .collect();
        assert_eq!(found, titles, "{arguments}");
    }
    let page = alice.tool("find_tasks", json!({"limit": 2})).await.done();
    let next = json!({"limit": 2, "cursor": page["next_cursor"]});
    let rest = alice.tool("find_tasks", next).await.done();
    assert_eq!(rest["tasks"][0]["title"], "Äpfel");
    assert_eq!(rest.get("next_cursor"), None);
}

#[tokio::test]
async fn tasks_are_read_by_their_ids() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let (mine, theirs) =
        (alice.add(json!({"title": "a"})).await, bob.add(json!({"title": "b"})).await);
    let nobodys = TaskId::new().to_string();
    let found = alice.tool("find_tasks", json!({"ids": [theirs, mine, nobodys, "x"]})).await.done();
    assert_eq!(found["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(found["tasks"][0]["id"], mine);
    assert_eq!(found["not_found"], json!([theirs, nobodys, "x"]));
    alice.tool("delete_tasks", json!({"ids": [mine]})).await.done();
    let found = alice.tool("find_tasks", json!({"ids": [mine, nobodys]})).await.done();
    assert_eq!(found, json!({"tasks": [], "not_found": [nobodys], "in_trash": [mine]}));
    for tool in ["complete_tasks", "reopen_tasks"] {
        let result = alice.tool(tool, json!({"ids": [mine]})).await;
        let expected = "failed: The task is in the trash: restore_tasks brings it back";
        assert_eq!(result.outcomes(), [expected]);
    }
    // Control characters are the longest in JSON.
    let long = json!({"title": "\u{1}".repeat(200), "description": "\u{2}".repeat(1000)});
    let tasks: Vec<_> = (0..25).map(|_| long.clone()).collect();
    let added = alice.tool("add_tasks", json!({ "tasks": tasks })).await.done();
    let ids: Vec<&Value> =
        added["results"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    let found = alice.tool("find_tasks", json!({ "ids": ids })).await.done();
    let (read, rest) =
        (found["tasks"].as_array().unwrap(), found["remaining_ids"].as_array().unwrap());
    assert!(!read.is_empty() && read.len() + rest.len() == 25, "{} {}", read.len(), rest.len());
}

#[tokio::test]
async fn a_call_that_no_model_should_make_is_refused_and_nothing_is_done() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let id = alice.add(json!({"title": "t"})).await;
    let many: Vec<String> = (0..26).map(|_| TaskId::new().to_string()).collect();
    let all = many.iter().map(|id| json!({"title": "t", "id": id})).collect::<Vec<_>>();
    let before = alice.get("/api/changes").await.json();
    for (tool, arguments, refusal) in [
        ("find_tasks", json!({"q": "x"}), "arguments: unknown field `q`"),
        ("find_tasks", json!({"query": ""}), "query must contain a word"),
        ("find_tasks", json!({"labels": []}), "labels must not be empty"),
        ("find_tasks", json!({"priorities": []}), "priorities must not be empty"),
        ("find_tasks", json!({"priorities": ["urgent"]}), "priorities must be low, medium or high"),
        ("find_tasks", json!({"labels": [""]}), "labels must have 1 to 50 characters"),
        ("find_tasks", json!({"limit": 51}), "limit must be 1 to 50"),
        ("find_tasks", json!({"limit": "10"}), "limit must be a whole number"),
        ("find_tasks", json!({"status": "done"}), "status must be all, pending, completed or"),
        ("find_tasks", json!({"due_after": "soon"}), "due_after must be"),
        ("find_tasks", json!({"cursor": "x"}), "cursor must be that of a call"),
        ("find_tasks", json!({"query": ["x"]}), "query must be a string"),
        ("find_tasks", json!({"labels": "home"}), "labels must be an array of strings"),
        (
            "find_tasks",
            json!({"status": "deleted", "due_after": "2027-02-10"}),
            "the trash has no sort",
        ),
        ("find_tasks", json!({"status": "deleted", "sort": "title"}), "the trash has no sort"),
        (
            "find_tasks",
            json!({"sort": "title", "due_after": "2027-02-10"}),
            "with due_after or due_before, sort must",
        ),
        ("find_tasks", json!({ "labels": vec!["l"; 11] }), "labels must have at most 10 elements"),
        ("add_tasks", json!({"tasks": {"title": "t"}}), "tasks must be an array"),
        (
            "add_tasks",
            json!({"tasks": [{"title": "t", "due": {"date": "2027-02-10", "at": "2027-02-11T00:00:00Z"}}]}),
            "tasks[0].due: unknown field `at`",
        ),
        (
            "add_tasks",
            json!({"tasks": [{"title": "t", "revision": "x"}]}),
            "tasks[0]: unknown field `revision`",
        ),
        (
            "update_tasks",
            json!({"tasks": [{"id": 7, "title": "T"}]}),
            "tasks[0].id must be a string",
        ),
        ("find_tasks", json!({"ids": []}), "ids must have 1 to 25 elements, not 0"),
        ("find_tasks", json!({"ids": [id], "status": "all"}), "ids leaves no room"),
        ("add_tasks", json!({}), "arguments: missing field `tasks`"),
        ("add_tasks", json!({"tasks": []}), "tasks must have 1 to 25 elements, not 0"),
        ("add_tasks", json!({"tasks": all}), "tasks must have 1 to 25 elements, not 26"),
        (
            "add_tasks",
            json!({"tasks": [{"title": "t", "due_date": "2027-02-10"}]}),
            "tasks[0]: unknown field `due_date`",
        ),
        ("add_tasks", json!({"tasks": ["t"]}), "tasks[0] must be an object"),
        (
            "add_tasks",
            json!({"tasks": [{"title": "t"}], "idempotency_key": "a b"}),
            "idempotency_key must",
        ),
        (
            "add_tasks",
            json!({"tasks": [{"title": "t", "id": many[0]}], "idempotency_key": "k"}),
            "give the tasks ids or",
        ),
        ("update_tasks", json!({"tasks": [{"title": "T"}]}), "tasks[0]: missing field `id`"),
        (
            "update_tasks",
            json!({"tasks": [{"id": id, "completed": true}]}),
            "tasks[0]: completed is set by complete_tasks",
        ),
        (
            "update_tasks",
            json!({"tasks": [{"id": id, "title": "T"}, {"id": id.to_uppercase(), "title": "U"}]}),
            "tasks has the same id twice",
        ),
        ("complete_tasks", json!({}), "ids must have 1 to 25 elements, not 0"),
        ("complete_tasks", json!({"ids": id}), "ids must be an array of strings"),
        ("complete_tasks", json!({"ids": [id], "completed": false}), "arguments: unknown field"),
        ("reopen_tasks", json!({"ids": []}), "ids must have 1 to 25 elements"),
        ("delete_tasks", json!({"ids": [id, id]}), "ids has the same id twice"),
        (
            "delete_tasks",
            json!({"ids": [id], "permanent": true}),
            "arguments: unknown field `permanent`",
        ),
        ("delete_tasks", json!({ "ids": many }), "ids must have 1 to 25 elements, not 26"),
        ("restore_tasks", json!({"ids": [7]}), "ids must be an array of strings"),
        ("delete_tasks", json!({"ids": ["x".repeat(37)]}), "an id of ids is longer than ids are"),
    ] {
        let text = alice.tool(tool, arguments.clone()).await.refused();
        assert!(text.starts_with(refusal), "{tool} {arguments}: {text}");
    }
    assert_eq!(alice.get("/api/changes").await.json()["changes"], before["changes"]);
}

#[tokio::test]
async fn each_task_has_a_result_of_its_own_in_the_order_of_the_call() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let id = alice.add(json!({"title": "t"})).await;
    let seen = alice.found(&id).await["revision"].clone();
    let theirs = bob.add(json!({"title": "secret"})).await;
    let tasks = json!([{"title": ""}, {"title": "u"}, {"title": "v", "due": "soon"}]);
    let added = alice.tool("add_tasks", json!({ "tasks": tasks })).await;
    let outcomes = added.outcomes();
    assert_eq!(outcomes[..2], ["failed: title must not be empty", "done"]);
    assert!(outcomes[2].starts_with("failed: due must be null or an object"), "{outcomes:?}");
    let changes = json!([
        {"id": theirs, "title": "mine"},
        {"id": id, "title": "T", "revision": seen},
        {"id": "x", "title": "T"},
        {"id": added.done()["results"][1]["id"]},
    ]);
    let updated = alice.tool("update_tasks", json!({ "tasks": changes })).await;
    assert_eq!(
        updated.outcomes(),
        [
            "failed: There is no such task",
            "done",
            "failed: There is no such task",
            "failed: nothing is named that should change"
        ]
    );
    let stale = json!([{"id": id, "title": "U", "revision": seen}]);
    let updated = alice.tool("update_tasks", json!({ "tasks": stale })).await;
    assert!(updated.outcomes()[0].starts_with("failed: The task has changed since this revision"));
    assert!(updated.is_error, "nothing was done");
    let junk = json!([{"id": id, "title": "U", "revision": "1"}]);
    let updated = alice.tool("update_tasks", json!({ "tasks": junk })).await;
    assert_eq!(updated.outcomes(), ["failed: revision must be that of find_tasks"]);
    assert_eq!(alice.found(&id).await["title"], "T");
    for tool in ["complete_tasks", "reopen_tasks", "delete_tasks", "restore_tasks"] {
        let result = alice.tool(tool, json!({"ids": [theirs, id]})).await;
        assert_eq!(result.outcomes(), ["failed: There is no such task", "done"], "{tool}");
    }
    assert_eq!(bob.found(&theirs).await["title"], "secret");
}

#[tokio::test]
async fn a_hundred_calls_at_once_all_succeed() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let calls = (0..100).map(async |number| {
        let id = alice.add(json!({"title": format!("task {number}")})).await;
        alice.tool("complete_tasks", json!({"ids": [id]})).await.done()
    });
    let results = futures::future::join_all(calls).await;
    assert!(results.iter().all(|result| result["done"] == 1));
    assert_eq!(alice.get("/api/tasks?status=completed").await.titles().len(), 100);
}

#[tokio::test]
async fn what_a_tool_cannot_do_is_said_to_the_model_and_logged() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let id = alice.add(json!({"title": "my diary"})).await;
    app.faults().set_rates("throttle=1".parse().unwrap());
    let found = alice.tool("find_tasks", json!({})).await;
    assert!(found.refused().contains("temporarily unavailable"));
    let deleted = alice.tool("delete_tasks", json!({"ids": [id]})).await;
    assert!(deleted.outcomes()[0].starts_with("not_executed: Nothing was changed"));
    app.faults().set_rates("lost-reply=1".parse().unwrap());
    let added = alice.tool("add_tasks", json!({"tasks": [{"title": "my diary"}]})).await;
    assert!(added.outcomes()[0].starts_with("not_known: It is not known whether"));
    app.faults().set_rates("".parse().unwrap());
    app.server.backend().lambda().stop().await;
    let logs = app.logs().join("\n");
    assert_eq!(logs.matches("\"failed_operations\":1").count(), 3, "{logs}");
    assert!(!logs.contains("my diary"));
}

#[tokio::test]
async fn a_slow_database_is_no_reason_to_say_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    app.faults().set_rates("GetItem:delay=1".parse().unwrap());
    let ids: Vec<String> = (0..25).map(|_| TaskId::new().to_string()).collect();
    let found = alice.tool("find_tasks", json!({ "ids": ids })).await;
    assert!(found.refused().contains("temporarily unavailable"));
}

#[test]
fn the_tools_have_the_fields_of_a_task() {
    let schemas = &document()["components"]["schemas"];
    let names = |value: &Value| {
        let names = value.as_object().unwrap().keys().cloned();
        names.collect::<std::collections::BTreeSet<String>>()
    };
    for (tool, schema, more, less) in [
        ("add_tasks", "NewTask", vec!["id"], vec!["due_date"]),
        // `complete_tasks` and `reopen_tasks` do that.
        ("update_tasks", "TaskChanges", vec!["id", "revision"], vec!["due_date", "completed"]),
    ] {
        let mut expected = names(&schemas[schema]["properties"]);
        expected.extend(more.into_iter().map(str::to_owned));
        expected.retain(|name| !less.contains(&name.as_str()));
        let items = &definitions()[tool]["inputSchema"]["properties"]["tasks"]["items"];
        assert_eq!(names(&items["properties"]), expected, "{tool}");
    }
    let mut expected = names(&schemas["Task"]["properties"]);
    // The user knows who they are; `due` says more than `due_date`.
    expected.retain(|name| !["user_id", "updated_at", "due_date"].contains(&name.as_str()));
    expected.insert("revision".to_owned());
    let task = &definitions()["find_tasks"]["outputSchema"]["properties"]["tasks"]["items"];
    assert_eq!(names(&task["properties"]), expected);
}

#[tokio::test]
async fn every_property_of_a_definition_is_an_argument_and_every_other_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for (tool, definition) in definitions() {
        let input = &definition["inputSchema"]["properties"];
        for name in input.as_object().unwrap().keys() {
            let result = alice.tool(tool, json!({name: "\u{0}"})).await;
            assert!(!result.text.contains("unknown field"), "{tool} {name}: {}", result.text);
        }
        let items = input["tasks"]["items"]["properties"].as_object();
        for name in items.into_iter().flat_map(|items| items.keys()) {
            let mut task = json!({"id": "x"});
            task[name] = json!("\u{0}");
            let result = alice.tool(tool, json!({"tasks": [task]})).await;
            assert!(!result.text.contains("unknown field"), "{tool} {name}: {}", result.text);
        }
    }
    let endless = "x".repeat(100_000);
    let refused = alice.tool("complete_tasks", json!({"ids": [], &endless: 1})).await.refused();
    assert!(refused.len() <= 500 && refused.contains("unknown field"));
    let reply = alice.mcp("tools/call", json!({"name": "drop_tasks"})).await;
    assert_eq!(reply.expect(StatusCode::OK).json()["error"]["code"], -32602);
}
