//! Lists over HTTP. `tests/store` compares all combinations with a model.

use local::settings::Settings;
use local::{tables, token};
use reqwest::StatusCode;
use serde_json::json;
use shared::task::{NewTask, Task, TaskId};

use crate::logs;
use crate::support::{Caller, TestApp};

/// The titles in each page of a list, and how many they are.
pub(crate) async fn walk(caller: &Caller<'_>, first: &str) -> (Vec<Vec<String>>, usize) {
    let (mut pages, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        let reply = caller.get(&path).await.ok();
        pages.push(reply.titles());
        next = reply.next();
    }
    let count = pages.iter().map(Vec::len).sum();
    (pages, count)
}

#[tokio::test]
async fn a_list_is_an_array_and_newest_first() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    assert_eq!(alice.get("/api/tasks").await.ok().json(), json!([]));
    for title in ["1", "2", "3"] {
        alice.task(title).await;
    }
    assert_eq!(alice.get("/api/tasks").await.titles(), ["3", "2", "1"]);
    assert_eq!(alice.get("/api/tasks?order=asc").await.titles(), ["1", "2", "3"]);
}

#[tokio::test]
async fn titles_sort_as_people_expect() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for title in ["zebra", "Éclair", "apple", "banana", "Äpfel", "Banana"] {
        alice.task(title).await;
    }
    let sorted = ["Äpfel", "apple", "banana", "Banana", "Éclair", "zebra"];
    assert_eq!(alice.get("/api/tasks?sort=title").await.titles(), sorted);
}

#[tokio::test]
async fn undated_tasks_come_last_in_both_orders() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for (title, due) in
        [("b", json!("2027-02-11")), ("none", json!(null)), ("a", json!("2027-02-10"))]
    {
        alice.post("/api/tasks", json!({"title": title, "due_date": due})).await;
    }
    assert_eq!(alice.get("/api/tasks?sort=due_date").await.titles(), ["a", "b", "none"]);
    assert_eq!(alice.get("/api/tasks?sort=due_date&order=desc").await.titles(), ["b", "a", "none"]);
}

#[tokio::test]
async fn a_list_can_be_filtered_by_status() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let done = alice.task("done").await;
    alice.task("open").await;
    alice.flip(&done).await.ok();
    assert_eq!(alice.get("/api/tasks?status=completed").await.titles(), ["done"]);
    assert_eq!(alice.get("/api/tasks?status=pending").await.titles(), ["open"]);
    assert_eq!(alice.get("/api/tasks?status=all").await.titles(), ["open", "done"]);
}

#[tokio::test]
async fn links_lead_through_the_whole_list() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for number in 0..6 {
        let path = alice.task(&format!("task {number}")).await;
        if number % 2 == 0 {
            alice.flip(&path).await;
        }
    }
    for sort in ["created", "title", "due_date"] {
        let (pages, count) = walk(&alice, &format!("/api/tasks?sort={sort}&limit=2")).await;
        assert_eq!((pages.len(), count), (3, 6), "no empty page at the end: {pages:?}");
    }
    let whole = alice.get("/api/tasks?limit=6").await.ok();
    assert_eq!(whole.next(), None);
    assert_eq!(alice.get("/api/tasks?limit=1000").await.ok().next(), None);
}

#[tokio::test]
async fn a_link_keeps_the_parameters_of_the_query() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for day in 10..20 {
        let due = format!("2027-02-{day}");
        alice.post("/api/tasks", json!({"title": due, "due_date": due})).await;
    }
    let first = "/api/tasks?status=pending&sort=due_date&order=desc&limit=3\
                 &due_after=2027-02-11&due_before=2027-02-16T00:00:00%2B00:00";
    let (pages, _) = walk(&alice, first).await;
    let expected =
        [vec!["2027-02-15", "2027-02-14", "2027-02-13"], vec!["2027-02-12", "2027-02-11"]];
    assert_eq!(pages, expected);
}

#[tokio::test]
async fn a_window_includes_its_start_and_excludes_its_end() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for due in ["2027-02-10", "2027-02-10T23:59:59.999Z", "2027-02-11", "0001-01-01", "9999-12-31"]
    {
        alice.post("/api/tasks", json!({"title": due, "due_date": due})).await;
    }
    alice.task("undated").await;
    let window = |bounds: &str| format!("/api/tasks?sort=due_date&{bounds}");
    let day = alice.get(&window("due_after=2027-02-10&due_before=2027-02-11")).await.ok();
    assert_eq!(day.titles(), ["2027-02-10", "2027-02-10T23:59:59.999Z"]);
    let from = alice.get(&window("due_after=2027-02-11&order=desc")).await.ok();
    assert_eq!(from.titles(), ["9999-12-31", "2027-02-11"]);
    let until = alice.get(&window("due_before=2027-02-10")).await.ok();
    assert_eq!(until.titles(), ["0001-01-01"]);
    assert!(alice.get(&window("due_before=0001-01-01")).await.ok().titles().is_empty());
}

#[tokio::test]
async fn a_bad_query_is_rejected_with_all_its_errors() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let reply = alice.get("/api/tasks?status=done&sort=priority&order=up&limit=0").await;
    let fields: Vec<String> = reply.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["status", "sort", "order", "limit"]);
    let detail = reply.problem(StatusCode::BAD_REQUEST);
    assert!(
        detail.starts_with("status must be all, pending, completed or deleted; sort must be"),
        "{detail}"
    );
    for (query, detail) in [
        ("due_after=2027-01-01", "due_after needs sort=due_date"),
        ("sort=title&due_before=2027-01-01", "due_before needs sort=due_date"),
        ("limit=2&limit=3", "limit must be given only once"),
        ("status=%FF", "status must be all, pending, completed or deleted"),
    ] {
        let reply = alice.get(&format!("/api/tasks?{query}")).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail, "{query}");
    }
}

#[tokio::test]
async fn a_list_too_large_for_one_reply_is_cut_with_a_link_and_a_mark_in_the_log() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    // The worst case: characters that are escaped in JSON, and again in the function's
    // reply, where each of these descriptions takes 4 KB.
    let task = |number: usize| {
        let description = Some("\"".repeat(1000));
        let new = NewTask { description, ..NewTask::titled(format!("{number}")) };
        Task::with_id(TaskId::new(), "alice", new)
    };
    let tasks: Vec<Task> = (0..1500).map(task).collect();
    let store = tables::store(tables::client(&app.server.backend().embedded_url()));
    let user = token::user(&Settings::default(), "alice").await.unwrap();
    store.tasks(&user).insert_all(&tasks).await.unwrap();
    let first = alice.get("/api/tasks").await.ok();
    assert!(first.titles().len() < 1500);
    let second = alice.get(&first.next().unwrap()).await.ok();
    assert_eq!(first.titles().len() + second.titles().len(), 1500);
    assert_eq!(second.next(), None);

    let asked_for = alice.get("/api/tasks?limit=1").await.ok();
    assert!(asked_for.next().is_some());
    let lines = logs::lines(&app).await;
    let lists = lines.iter().filter(|line| line["operation"] == "list-tasks");
    let cut: Vec<_> = lists.map(|line| line.get("cut").cloned()).collect();
    assert_eq!(cut, [Some(json!(true)), None, None], "a page with a limit is not cut");
}

#[tokio::test]
async fn a_list_can_be_filtered_by_label_priority_and_words() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for (title, priority, labels) in [
        ("Café Zoë", "high", json!(["Büro", "asap"])),
        ("Call the cafe", "low", json!(["büro"])),
        ("Buy milk", "medium", json!([])),
    ] {
        let body = json!({"title": title, "priority": priority, "labels": labels});
        alice.post("/api/tasks", body).await;
    }
    for (filter, titles) in [
        ("label=b%C3%BCro", vec!["Call the cafe", "Café Zoë"]),
        ("label=B%C3%9CRO&label=ASAP", vec!["Café Zoë"]),
        ("priority=low&priority=medium", vec!["Buy milk", "Call the cafe"]),
        ("q=CAF%C3%89", vec!["Call the cafe", "Café Zoë"]),
        ("q=cafe+call", vec!["Call the cafe"]),
        ("q=cafe&priority=high&label=buro&status=pending&sort=title", vec!["Café Zoë"]),
        ("q=tea", vec![]),
    ] {
        let reply = alice.get(&format!("/api/tasks?{filter}")).await.ok();
        assert_eq!(reply.titles(), titles, "{filter}");
        assert_eq!(reply.next(), None, "{filter}");
    }
    alice.delete(&alice.task("Tea from the café").await).await;
    assert_eq!(alice.get("/api/tasks?status=deleted&q=cafe").await.titles(), ["Tea from the café"]);
}

#[tokio::test]
async fn a_link_keeps_the_filter_and_its_cursor_belongs_to_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for number in 0..9 {
        let label = if number % 3 == 0 { "a&b=ü" } else { "other" };
        let body = json!({"title": format!("{number}"), "labels": [label], "priority": "low"});
        alice.post("/api/tasks", body).await;
    }
    let first = "/api/tasks?sort=title&limit=2&label=A%26B=%C3%BC&priority=low";
    let (pages, count) = walk(&alice, first).await;
    assert_eq!((pages.concat(), count), (vec!["0".into(), "3".into(), "6".into()], 3));
    let next = alice.get(first).await.next().unwrap();
    assert!(next.contains("label=A%26B%3D%C3%BC&priority=low"), "{next}");
    for other in [next.replace("priority=low", "priority=high"), next.replace("&priority=low", "")]
    {
        let reply = alice.get(&other).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{other}");
    }
    let in_other_case = next.replace("A%26B", "a%26b");
    assert_eq!(alice.get(&in_other_case).await.ok().titles(), ["6"]);
}
