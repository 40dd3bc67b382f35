//! When tasks are due: on a day, at a time of day, in a time zone, at a moment.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::task::TaskId;

use crate::list::walk;
use crate::support::{Caller, TestApp};

/// What a client sends as `due`, and the `due_date` that it gets for it.
fn kinds() -> [(Value, &'static str); 4] {
    [
        (json!({"date": "2027-02-10"}), "2027-02-10T00:00:00.000Z"),
        (json!({"local": "2027-02-10T09:00:00"}), "2027-02-10T09:00:00.000Z"),
        (
            json!({"local": "2027-02-10T09:00:00", "time_zone": "Europe/Berlin"}),
            "2027-02-10T08:00:00.000Z",
        ),
        (json!({"instant": "2027-02-10T08:30:00.000Z"}), "2027-02-10T08:30:00.000Z"),
    ]
}

async fn create(caller: &Caller<'_>, members: Value) -> (String, Value) {
    let mut body = json!({"title": "t"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let reply = caller.post("/api/tasks", body).await.expect(StatusCode::CREATED);
    (reply.header("location").to_owned(), reply.json())
}

/// The two members of a task that say when it is due.
fn due_of(task: &Value) -> (&Value, &Value) {
    (&task["due"], &task["due_date"])
}

#[tokio::test]
async fn each_kind_survives_every_way_through_the_api() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let update = alice.task("of an update").await;
    for (due, due_date) in kinds() {
        let due_date = json!(due_date);
        let mut returned = due.clone();
        returned["at"] = due_date.clone();
        let expected = (&returned, &due_date);
        let (path, created) = create(&alice, json!({ "due": due })).await;
        assert_eq!(due_of(&created), expected);
        assert_eq!(alice.get(&path).await.json(), created);
        for list in ["/api/tasks?limit=1", "/api/tasks?sort=due_date&due_after=2027-02-10"] {
            let tasks = alice.get(list).await.ok().json();
            assert!(tasks.as_array().unwrap().contains(&created), "{list}");
        }
        assert_eq!(due_of(&alice.flip(&path).await.ok().json()), expected);
        let both = json!({"due": due, "due_date": due_date});
        assert_eq!(due_of(&alice.put(&path, both).await.ok().json()), expected);
        alice.delete(&path).await.expect(StatusCode::NO_CONTENT);
        assert_eq!(due_of(&alice.get("/api/tasks?status=deleted").await.json()[0]), expected);
        let restore = format!("{path}/restore");
        assert_eq!(due_of(&alice.post(&restore, json!({})).await.ok().json()), expected);
        let changes = alice.get("/api/changes").await.ok().json();
        let entries = changes["changes"].as_array().unwrap().iter();
        let of_it = entries.map(|entry| &entry["task"]).find(|task| task["id"] == created["id"]);
        assert_eq!(due_of(of_it.unwrap()), expected);
        let updated = alice.put(&update, json!({ "due": due })).await.ok().json();
        assert_eq!(due_of(&updated), expected);
        let id = update.rsplit('/').next();
        let operations = json!({"operations": [
            {"op": "create", "id": TaskId::new(), "task": {"title": "b", "due": due}},
            {"op": "update", "id": id, "changes": {"due": due}},
        ]});
        let results = alice.post("/api/batch", operations).await.ok().json();
        for result in results["results"].as_array().unwrap() {
            assert_eq!(due_of(&result["task"]), expected);
        }
    }
    let cleared = alice.put(&update, json!({"due": null})).await.ok().json();
    assert_eq!(due_of(&cleared), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn due_date_alone_gives_what_it_always_gave_and_means_what_its_text_says() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    for (sent, due_date, due) in [
        ("2027-02-10", "2027-02-10T00:00:00.000Z", json!({"date": "2027-02-10"})),
        ("2027-02-10T09:00", "2027-02-10T09:00:00.000Z", json!({"local": "2027-02-10T09:00:00"})),
        (
            "2027-02-10T09:00:00.5",
            "2027-02-10T09:00:00.500Z",
            json!({"local": "2027-02-10T09:00:00.500"}),
        ),
        (
            "2027-02-10T09:00:00+02:00",
            "2027-02-10T07:00:00.000Z",
            json!({"instant": "2027-02-10T07:00:00.000Z"}),
        ),
        ("0001-01-01", "0001-01-01T00:00:00.000Z", json!({"date": "0001-01-01"})),
        (
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59.999Z",
            json!({"instant": "9999-12-31T23:59:59.999Z"}),
        ),
    ] {
        let mut due = due;
        due["at"] = json!(due_date);
        let (_, created) = create(&alice, json!({ "due_date": sent })).await;
        assert_eq!(due_of(&created), (&due, &json!(due_date)), "{sent}");
        let updated = alice.put(&path, json!({ "due_date": sent })).await.ok().json();
        assert_eq!(due_of(&updated), (&due, &json!(due_date)), "{sent}");
    }
    let cleared = alice.put(&path, json!({"due_date": null})).await.ok().json();
    assert_eq!(due_of(&cleared), (&Value::Null, &Value::Null));
}

/// Sends `body` again, alone and in a batch, as clients do that miss a reply.
async fn put_again_and_again(caller: &Caller<'_>, path: &str, body: &Value) -> Value {
    let first = caller.put(path, body.clone()).await.ok().json();
    let operation = json!({"op": "update", "id": path.rsplit('/').next(), "changes": body});
    let batch = json!({"operations": [operation]});
    let results = caller.post("/api/batch", batch).await.ok().json();
    assert_eq!(due_of(&results["results"][0]["task"]), due_of(&first));
    let again = caller.put(path, body.clone()).await.ok().json();
    assert_eq!(due_of(&again), due_of(&first));
    first
}

#[tokio::test]
async fn a_client_that_only_knows_due_date_may_send_whole_tasks_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for (due, due_date) in kinds() {
        let (path, mut task) = create(&alice, json!({ "due": due })).await;
        let due = task["due"].clone();
        task["title"] = json!("T");
        // One that builds the body from the members that it knows, and one that does not.
        let mut known = task.clone();
        known.as_object_mut().unwrap().remove("due");
        for body in [&known, &task] {
            let updated = alice.put(&path, body.clone()).await.ok().json();
            assert_eq!(updated["title"], "T");
            assert_eq!(due_of(&updated), (&due, &json!(due_date)));
        }
        // It goes on editing its own copy, which still has the first `due`.
        for moment in ["2027-05-01T10:00:00.000Z", "2027-05-02T10:00:00.000Z", due_date] {
            task["due_date"] = json!(moment);
            let moved = put_again_and_again(&alice, &path, &task).await;
            assert_eq!(moved["due_date"], moment);
            let expected = match moment == due_date {
                true => due.clone(),
                false => json!({"instant": moment, "at": moment}),
            };
            assert_eq!(moved["due"], expected);
        }
        task["due_date"] = Value::Null;
        let cleared = put_again_and_again(&alice, &path, &task).await;
        assert_eq!(due_of(&cleared), (&Value::Null, &Value::Null));
        assert!(cleared.get("due").is_none(), "it is left out");
        // The copies that it makes of the task.
        assert_eq!(create(&alice, task.clone()).await.1["due_date"], Value::Null);
        task["due_date"] = json!("2027-05-03");
        assert_eq!(create(&alice, task).await.1["due_date"], "2027-05-03T00:00:00.000Z");
        // A task without a due date gets one.
        let mut task = cleared;
        task["due_date"] = json!("2027-05-04T00:00:00Z");
        let dated = put_again_and_again(&alice, &path, &task).await;
        assert_eq!(dated["due_date"], "2027-05-04T00:00:00.000Z");
    }
}

#[tokio::test]
async fn a_client_that_edits_due_may_leave_due_date_and_at_as_they_were() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let (path, task) = create(&alice, json!({"due": {"date": "2027-02-10"}})).await;
    let mut replaced = task.clone();
    replaced["due"] = json!({"date": "2027-02-12"});
    let mut edited = task.clone();
    edited["due"]["date"] = json!("2027-02-12");
    for body in [replaced, edited] {
        let updated = put_again_and_again(&alice, &path, &body).await;
        let day = json!({"date": "2027-02-12", "at": "2027-02-12T00:00:00.000Z"});
        assert_eq!(updated["due"], day);
        assert_eq!(alice.put(&path, task.clone()).await.ok().json()["due"], task["due"], "back");
    }
    let mut cleared = task.clone();
    cleared["due"] = Value::Null;
    assert_eq!(put_again_and_again(&alice, &path, &cleared).await["due_date"], Value::Null);
    let (_, copy) = create(&alice, cleared).await;
    assert_eq!(copy["due_date"], Value::Null);
}

#[tokio::test]
async fn a_bad_due_date_is_rejected_with_the_member_that_is_wrong() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let zoned = |local: &str, zone: &str| json!({"local": local, "time_zone": zone});
    for (due, field) in [
        (json!("2027-02-10"), "due"),
        (json!({}), "due"),
        (json!({"date": "2027-02-10", "timezone": "Europe/Berlin"}), "due"),
        (json!({"date": "2027-02-30"}), "due.date"),
        (json!({"date": "0000-12-31"}), "due.date"),
        (json!({"date": "10000-01-01"}), "due.date"),
        (json!({"local": "2027-02-10T24:00:00"}), "due.local"),
        (json!({"local": "2027-02-10T23:59:60"}), "due.local"),
        (zoned("0001-01-01T00:00:00", "Asia/Tokyo"), "due.local"),
        (zoned("9999-12-31T23:59:59", "America/Chicago"), "due.local"),
        (zoned("2027-02-10T09:00:00", "Europe/Atlantis"), "due.time_zone"),
        (zoned("2027-02-10T09:00:00", "../../etc/passwd"), "due.time_zone"),
        (json!({"instant": "2027-02-10T09:00:00"}), "due.instant"),
        (json!({"date": "2027-02-10", "at": "soon"}), "due.at"),
    ] {
        let path = alice.task("t").await;
        let before = alice.get(&path).await.json();
        let created = alice.post("/api/tasks", json!({"title": "t", "due": due})).await;
        let updated = alice.put(&path, json!({"title": "T", "due": due})).await;
        for reply in [created, updated] {
            assert_eq!(reply.json()["errors"][0]["field"], field, "{due}");
            reply.problem(StatusCode::BAD_REQUEST);
        }
        assert_eq!(alice.get(&path).await.json(), before);
    }
}

#[tokio::test]
async fn a_window_in_a_time_zone_has_what_is_due_there_on_that_day() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for (title, due) in [
        ("day", json!({"date": "2027-02-10"})),
        ("late", json!({"local": "2027-02-10T23:30:00"})),
        ("call", json!({"local": "2027-02-11T00:15:00", "time_zone": "Europe/Berlin"})),
        ("moment", json!({"instant": "2027-02-10T03:00:00Z"})),
    ] {
        alice.post("/api/tasks", json!({"title": title, "due": due})).await;
    }
    let day = "/api/tasks?sort=due_date&due_after=2027-02-10&due_before=2027-02-11";
    for (zone, titles) in [
        ("", vec!["day", "moment", "call", "late"]),
        ("&time_zone=America/Chicago", vec!["day", "call", "late"]),
        ("&time_zone=Europe/Berlin", vec!["day", "moment", "late"]),
        ("&time_zone=Pacific%2FKiritimati", vec!["day", "moment", "late"]),
        ("&time_zone=pacific/niue", vec!["day", "call", "late"]),
    ] {
        let path = format!("{day}{zone}");
        assert_eq!(alice.get(&path).await.ok().titles(), titles, "{zone}");
        let (paged, _) = walk(&alice, &format!("{path}&limit=1")).await;
        assert_eq!(paged.concat(), titles, "{zone}");
    }
    for (query, detail) in [
        ("time_zone=UTC", "time_zone needs due_after or due_before"),
        ("due_after=2027-02-10&time_zone=UTC", "due_after needs sort=due_date"),
        (
            "sort=due_date&due_after=2027-02-10&time_zone=Etc/GMT+5",
            "time_zone must be an IANA time zone, such as Europe/Berlin (write + as %2B)",
        ),
        (
            "sort=due_date&due_after=2027-02-10&due_before=2027-02-09T15:00Z&time_zone=Asia/Tokyo",
            "due_before must be later than due_after",
        ),
    ] {
        let reply = alice.get(&format!("/api/tasks?{query}")).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail, "{query}");
    }
}

#[tokio::test]
async fn the_same_moment_that_means_something_else_is_another_body() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let berlin = json!({"local": "2027-02-10T01:00:00", "time_zone": "Europe/Berlin"});
    let mut paris = berlin.clone();
    paris["time_zone"] = json!("Europe/Paris");
    let dues = [
        json!({"date": "2027-02-10"}),
        json!({"local": "2027-02-10T00:00:00"}),
        json!({"instant": "2027-02-10T00:00:00Z"}),
        berlin,
        paris,
    ];
    for (index, due) in dues.iter().enumerate() {
        let key = format!("key-{index}");
        let path = format!("/api/tasks/{}", TaskId::new());
        let once = async |due: &Value| {
            let body = json!({"title": "t", "due": due});
            alice.json(Method::POST, "/api/tasks", &[("idempotency-key", &*key)], body).await
        };
        let at = async |due: &Value| {
            let body = json!({"title": "t", "due": due});
            alice.json(Method::PUT, &path, &[("if-none-match", "*")], body).await
        };
        let first = once(due).await.expect(StatusCode::CREATED);
        assert_eq!(once(due).await.json(), first.json());
        at(due).await.expect(StatusCode::CREATED);
        assert_eq!(at(due).await.status, StatusCode::OK);
        for other in dues.iter().filter(|other| *other != due) {
            assert_eq!(once(other).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{other}");
            assert_eq!(at(other).await.status, StatusCode::PRECONDITION_FAILED, "{other}");
        }
    }
}
