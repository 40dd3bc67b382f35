//! Exporting and erasing everything that the caller has.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures::future::join_all;
use local::import::import;
use local::settings::Settings;
use local::{TASKS_TABLE, seed, tables, token};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::task::{NewTask, Task, TaskId};

use crate::support::{Caller, Reply, TestApp};

const ERASE: &str = "/api/account-data?confirm=alice";

/// The pages of an export, from `path` on.
async fn pages(caller: &Caller<'_>, path: &str) -> Vec<Reply> {
    let (mut pages, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = caller.get(&path).await.ok();
        next = page.next();
        pages.push(page);
    }
    pages
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

/// Erases everything, as a client does that follows the links.
async fn erase(caller: &Caller<'_>) {
    let mut next = Some(ERASE.to_owned());
    while let Some(path) = next {
        let reply = caller.delete(&path).await;
        next = reply.next();
        assert_eq!(reply.status == StatusCode::ACCEPTED, next.is_some(), "{}", reply.status);
    }
}

#[tokio::test]
async fn an_export_has_living_and_deleted_tasks_as_the_lists_show_them() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    app.user("bob").task("bob's").await;
    let living = json!({"title": "=1+1, \"x\"", "description": "a\nb", "priority": "high",
        "labels": ["home", "a,b"], "due": {"local": "2027-07-10T09:00", "time_zone": "Europe/Berlin"}});
    alice.post("/api/tasks", living).await.expect(StatusCode::CREATED);
    let trashed = alice.task("trashed").await;
    alice.delete(&trashed).await.expect(StatusCode::NO_CONTENT);
    let gone = alice.task("gone").await;
    alice.delete(&format!("{gone}?permanent=true")).await.expect(StatusCode::NO_CONTENT);

    let json = alice.get("/api/export").await.ok();
    assert_eq!(json.header("content-type"), "application/json");
    assert_eq!(json.header("content-disposition"), "attachment; filename=\"tasks.json\"");
    let lists = ["/api/tasks", "/api/tasks?status=deleted"].map(async |path| alice.get(path).await);
    let lists: Vec<Value> =
        join_all(lists).await.iter().map(|list| list.json()[0].clone()).collect();
    assert_eq!(json.json(), json!(lists));

    let csv = alice.get("/api/export?format=csv").await.ok();
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    let csv = text(&csv);
    assert!(csv.starts_with("\u{feff}id,title,"), "{csv}");
    assert!(csv.contains(",\"'=1+1, \"\"x\"\"\",\"a\nb\",false,high,\"home,\"\"a,b\"\"\",2027-07-10T09:00:00,Europe/Berlin,"), "{csv}");

    let ics = alice.get("/api/export?format=ics").await.ok();
    assert_eq!(ics.header("content-type"), "text/calendar; charset=utf-8");
    let ics = text(&ics);
    assert!(ics.contains("SUMMARY:=1+1\\, \"x\"\r\n") && !ics.contains("trashed"), "{ics}");
    assert!(ics.contains("DUE;TZID=Europe/Berlin:20270710T090000\r\n"), "{ics}");

    let empty = app.user("carol");
    assert_eq!(text(&empty.get("/api/export").await.ok()), "[\n]\n");
    let ics = text(&empty.get("/api/export?format=ics").await.ok());
    assert!(ics.contains("BEGIN:VTIMEZONE\r\nTZID:UTC\r\n"), "{ics}");
}

#[tokio::test]
async fn the_pages_of_an_export_make_the_whole() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for number in 0..5 {
        let path = alice.task(&format!("task {number}")).await;
        if number == 2 {
            alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
        }
    }
    let csv = text(&alice.get("/api/export?format=csv").await.ok());
    let in_pages = pages(&alice, "/api/export?format=csv&limit=2").await;
    assert_eq!(in_pages.iter().map(text).collect::<String>(), csv);
    assert_eq!(in_pages[1].header("content-type"), "text/csv; charset=utf-8; header=absent");
    let whole = alice.get("/api/export").await.ok().json();
    for limit in [1, 2, 5] {
        let pages = pages(&alice, &format!("/api/export?limit={limit}")).await;
        let tasks = pages.iter().flat_map(|page| page.json().as_array().unwrap().clone());
        assert_eq!(Value::from_iter(tasks), whole, "{limit}");
    }
    let calendars = pages(&alice, "/api/export?format=ics&limit=3").await;
    let to_dos = calendars.iter().map(|page| text(page).matches("BEGIN:VTODO").count());
    assert_eq!(to_dos.collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn an_erasure_needs_the_callers_own_id_and_leaves_others_alone() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    alice.task("alice's").await;
    let path = bob.task("bob's").await;
    let rule = "confirm must be your own user id, the sub of your token";
    for wrong in
        ["", "?confirm=", "?confirm=bob", "?confirm=Alice", "?confirm=*", "?confirm=alice%20"]
    {
        let reply = alice.delete(&format!("/api/account-data{wrong}")).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), rule, "{wrong}");
    }
    let twice = alice.delete(&format!("{ERASE}&confirm=alice")).await;
    assert_eq!(twice.problem(StatusCode::BAD_REQUEST), "confirm must be given only once");
    let cursor = alice.delete(&format!("{ERASE}&cursor=x")).await;
    assert_eq!(
        cursor.problem(StatusCode::BAD_REQUEST),
        "cursor must be a cursor that this API returned"
    );
    app.anonymous().delete(ERASE).await.problem(StatusCode::UNAUTHORIZED);
    assert_eq!(alice.get("/api/tasks").await.ok().titles(), ["alice's"]);

    // With another user's position, which is only a place in one's own partition.
    let theirs = path.rsplit('/').next().unwrap();
    let reply = alice.delete(&format!("{ERASE}&cursor={theirs}")).await;
    assert_eq!(reply.next().unwrap(), ERASE, "it has begun after her task");
    reply.expect(StatusCode::ACCEPTED);
    for _ in 0..2 {
        alice.delete(ERASE).await.expect(StatusCode::NO_CONTENT);
        assert_eq!(alice.get("/api/export").await.ok().json(), json!([]));
    }
    assert_eq!(bob.get("/api/tasks").await.ok().titles(), ["bob's"]);
}

/// All that the tables, their indexes and the logs hold.
async fn everything(app: &TestApp) -> Vec<(String, String)> {
    let client = tables::client(&app.server.backend().embedded_url());
    let mut places = vec![("log".to_owned(), app.logs().join("\n"))];
    for table in &app.server.backend().template().tables {
        let indexes =
            table.global_secondary_indexes.iter().map(|index| Some(index.index_name.clone()));
        for index in [None].into_iter().chain(indexes) {
            let scan = client.scan().table_name(&table.name).set_index_name(index.clone());
            let items = scan.send().await.unwrap().items;
            places.push((format!("{} {index:?}", table.name), format!("{items:?}")));
        }
    }
    assert!(places.len() > 10);
    places
}

#[tokio::test]
async fn an_erasure_ends_while_another_device_writes_and_leaves_no_content() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let user = token::user(&Settings::default(), "alice").await.unwrap();
    let client = tables::client(&app.server.backend().embedded_url());
    seed::fill(&client, &user, 100, |_| {}).await.unwrap();
    let paths =
        join_all((0..20).map(async |number| alice.task(&format!("SECRET {number}")).await)).await;
    let key = [("idempotency-key", "SECRET-key")];
    let task = json!({"title": "SECRET", "labels": ["SECRET"], "description": "SECRET"});
    alice.json(Method::POST, "/api/tasks", &key, task).await.expect(StatusCode::CREATED);
    let token = alice.get("/api/changes").await.ok().json()["next"].as_str().unwrap().to_owned();
    let writes = async {
        for round in 0..3 {
            for path in &paths {
                alice.put(path, json!({"title": format!("SECRET again {round}")})).await;
            }
        }
    };
    tokio::join!(erase(&alice), writes);
    // What was written after the erasure had passed it cannot exist: there is no such task.
    for path in &paths {
        alice.get(path).await.problem(StatusCode::NOT_FOUND);
    }
    assert_eq!(alice.get("/api/export").await.ok().json(), json!([]));
    let items = app.stored_tasks().await;
    assert_eq!(items.len(), 121);
    let bare = ["epoch", "expires_at", "revision", "task_id", "updated_at", "user_id"];
    let is_bare = |name: &String| bare.contains(&name.as_str()) || name.starts_with("done_");
    assert!(items.iter().all(|item| item.keys().all(is_bare)));
    for (place, text) in everything(&app).await {
        assert!(!text.contains("SECRET"), "{place}");
    }
    let (mut deleted, mut since) = (0, token);
    loop {
        let page = alice.get(&format!("/api/changes?since={since}")).await.ok().json();
        let changes = page["changes"].as_array().unwrap();
        assert!(changes.iter().all(|change| change["deleted_at"].is_string()));
        deleted += changes.len();
        since = page["next"].as_str().unwrap().to_owned();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(deleted, 121);
}

#[tokio::test]
async fn an_erasure_is_repeated_after_faults_until_nothing_is_left() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    join_all((0..12).map(async |number| alice.task(&format!("task {number}")).await)).await;
    app.faults().set_rates("lost-reply=0.2,throttle=0.3,error=0.1".parse().unwrap());
    let mut status = StatusCode::ACCEPTED;
    for _ in 0..100 {
        status = alice.delete(ERASE).await.status;
        if status == StatusCode::NO_CONTENT {
            break;
        }
        assert!([StatusCode::ACCEPTED, StatusCode::SERVICE_UNAVAILABLE].contains(&status));
    }
    assert_eq!(status, StatusCode::NO_CONTENT);
    app.faults().set_rates("".parse().unwrap());
    assert_eq!(alice.get("/api/export").await.ok().json(), json!([]));
}

#[tokio::test]
async fn an_import_stores_each_task_once_whatever_happens_to_replies() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let user = token::user(&Settings::default(), "alice").await.unwrap();
    let store = tables::store(tables::client(app.server.backend().dynamodb_url()));
    let task = |number| Task::with_id(TaskId::new(), "x", NewTask::titled(format!("{number:03}")));
    let tasks: Vec<Task> = (0..100).map(task).collect();
    app.faults().set_rates("lost-reply=0.2,throttle=0.1".parse().unwrap());
    let mut rounds = 0;
    while import(&store, &user, tasks.clone(), |_| {}).await.is_err() {
        rounds += 1;
        assert!(rounds < 50);
    }
    app.faults().set_rates("".parse().unwrap());
    let titles = alice.get("/api/tasks?sort=title&limit=200").await.ok().titles();
    assert_eq!(titles, (0..100).map(|number| format!("{number:03}")).collect::<Vec<_>>());
}

/// Starts a command for `alice` on the tables of `app`.
fn command(app: &TestApp, name: &str, rest: &[&str], folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_local"))
        .args([name, "--user", "alice", "--table", TASKS_TABLE])
        .args(["--endpoint", &app.server.backend().embedded_url()])
        .args(rest)
        .current_dir(folder)
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn has_succeeded(mut command: Child) -> bool {
    tokio::task::spawn_blocking(move || command.wait().unwrap().success()).await.unwrap()
}

#[tokio::test]
async fn commands_that_are_killed_go_on_where_they_were() {
    let app = TestApp::start().await;
    let user = token::user(&Settings::default(), "alice").await.unwrap();
    let client = tables::client(&app.server.backend().embedded_url());
    seed::fill(&client, &user, 100, |_| {}).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = async |name: &str, rest: &[&str]| {
        assert!(has_succeeded(command(&app, name, rest, folder.path())).await, "{name}");
    };
    run("export", &["before.json"]).await;
    for (name, rest, living) in [("erase", "--yes", false), ("import", "before.json", true)] {
        let mut killed = command(&app, name, &[rest], folder.path());
        let changed = async || {
            let items = app.stored_tasks().await;
            items.iter().filter(|item| item.contains_key("title") == living).count()
        };
        while changed().await < 20 && killed.try_wait().unwrap().is_none() {}
        killed.kill().unwrap();
        killed.wait().unwrap();
        run(name, &[rest]).await;
        assert_eq!(changed().await, 100, "{name}");
    }
    run("export", &["after.json"]).await;
    let read = |file: &str| -> Vec<Value> {
        let text = std::fs::read(folder.path().join(file)).unwrap();
        let mut tasks: Vec<Value> = serde_json::from_slice(&text).unwrap();
        tasks.iter_mut().for_each(|task| task["updated_at"] = Value::Null);
        tasks
    };
    assert_eq!(read("after.json"), read("before.json"));
}
