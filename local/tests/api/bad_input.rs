//! Bad input gets a 4xx with the reason, never a 5xx, and changes nothing.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Caller, TestApp};

const MOMENT: &str = "must be an RFC 3339 date or time in the years 0001 to 9999, \
                      such as 2027-02-10 or 2027-02-10T09:00:00Z";

#[tokio::test]
async fn each_broken_rule_of_a_new_task_is_reported() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let due = format!("due_date {MOMENT}");
    let due = due.as_str();
    let priority = "priority must be low, medium, high or null";
    for (body, detail) in [
        (json!({}), "title is required"),
        (json!({"title": null}), "title must not be null"),
        (json!({"title": 5}), "title must be a string"),
        (json!({"title": ["a"]}), "title must be a string"),
        (json!({"title": ""}), "title must not be empty"),
        (json!({"title": " \t\n\u{3000}"}), "title must not be empty"),
        (json!({"title": "x".repeat(201)}), "title must have at most 200 characters, not 201"),
        (
            json!({"title": "t", "description": "x".repeat(1001)}),
            "description must have at most 1000 characters, not 1001",
        ),
        (json!({"title": "t", "description": 5}), "description must be a string or null"),
        (json!({"title": "t", "priority": "urgent"}), priority),
        (json!({"title": "t", "priority": "High"}), priority),
        (json!({"title": "t", "priority": 1}), priority),
        (json!({"title": "t", "labels": "home"}), "labels must be an array of strings, or null"),
        (json!({"title": "t", "labels": [""]}), "labels must not contain an empty label"),
        (json!({"title": "t", "due_date": "tomorrow"}), due),
        (json!({"title": "t", "due_date": 1_800_000_000}), due),
        (json!({"title": "t", "due_date": "2027-02-30"}), due),
        (json!({"title": "t", "due_date": ""}), due),
        (json!({"title": "t", "due_date": "0001-01-01T00:00:00+00:01"}), due),
        (json!({"title": "t", "due_date": "9999-12-31T23:59:59-00:01"}), due),
        (json!({"title": "t", "due_date": "10000-01-01"}), due),
        (
            json!({"title": "", "description": 1, "priority": 2, "due_date": 3}),
            &format!(
                "title must not be empty; description must be a string or null; {priority}; {due}"
            ),
        ),
    ] {
        let reply = alice.post("/api/tasks", body.clone()).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail, "{body}");
    }
    assert_eq!(alice.get("/api/tasks").await.json(), json!([]), "nothing was stored");
}

#[tokio::test]
async fn each_broken_rule_of_an_update_is_reported() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let path = alice.task("t").await;
    let before = alice.get(&path).await.json();
    for (body, detail) in [
        (json!({"title": null}), "title must not be null"),
        (json!({"title": " "}), "title must not be empty"),
        (json!({"title": "x".repeat(201)}), "title must have at most 200 characters, not 201"),
        (json!({"description": {}}), "description must be a string or null"),
        (json!({"priority": ""}), "priority must be low, medium, high or null"),
        (json!({"due_date": false}), &format!("due_date {MOMENT}")),
        (
            json!({"labels": ["x".repeat(51)]}),
            "labels must contain labels of at most 50 characters, not 51",
        ),
        (json!({"completed": null}), "completed must be true or false"),
        (json!({"completed": "true"}), "completed must be true or false"),
        (
            json!({"title": null, "completed": 1, "priority": "low"}),
            "title must not be null; completed must be true or false",
        ),
    ] {
        let reply = alice.put(&path, body.clone()).await;
        assert_eq!(reply.problem(StatusCode::BAD_REQUEST), detail, "{body}");
    }
    let complete = format!("{path}/complete");
    for body in [json!({"completed": null}), json!({"completed": "yes"})] {
        let reply = alice.json(Method::PATCH, &complete, &[], body).await;
        let detail = reply.problem(StatusCode::BAD_REQUEST);
        assert_eq!(detail, "completed must be true or false");
    }
    assert_eq!(alice.get(&path).await.json(), before, "nothing was changed");
}

async fn post_raw(caller: &Caller<'_>, content_type: &str, body: Vec<u8>) -> (StatusCode, Value) {
    let headers = [("content-type", content_type)];
    let reply = caller.send(Method::POST, "/api/tasks", &headers, body).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn a_malformed_or_oversized_body_is_rejected() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let nested = |depth| {
        [b"{\"title\":", "[".repeat(depth).as_bytes(), "]".repeat(depth).as_bytes(), b"}"].concat()
    };
    for (body, status) in [
        (vec![], 400),
        (b"null".to_vec(), 400),
        (b"[]".to_vec(), 400),
        (b"[\"t\", null, null, null]".to_vec(), 400),
        (b"\"t\"".to_vec(), 400),
        (b"{\"title\": \"t\"".to_vec(), 400),
        (b"{\"title\": \"t\"} {}".to_vec(), 400),
        (b"{\"title\": \"\xff\xfe\"}".to_vec(), 400),
        (br#"{"title": "\ud800"}"#.to_vec(), 400),
        (br#"{"title": "a", "title": "b"}"#.to_vec(), 400),
        (br#"{"title": 1e999}"#.to_vec(), 400),
        (b"\xef\xbb\xbf{\"title\": \"t\"}".to_vec(), 400),
        (nested(10_000), 400),
        (nested(100_000), 413),
        (vec![b' '; 2 * 1024 * 1024], 413),
        (vec![b' '; 11 * 1024 * 1024], 413),
    ] {
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let (got, answer) = post_raw(&alice, "application/json", body).await;
        assert_eq!(got.as_u16(), status, "{start}: {answer}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let (status, _) = post_raw(&alice, content_type, b"{\"title\":\"t\"}".to_vec()).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    assert_eq!(alice.get("/api/tasks").await.json(), json!([]), "nothing was stored");
    alice.task("and a good one works").await;
}

#[tokio::test]
async fn a_malformed_request_is_rejected_before_its_task_is_looked_up() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let bobs = bob.task("t").await;
    let json = ("content-type", "application/json");
    let large = format!("{{\"title\": \"{}\"}}", "x".repeat(33_000));
    let mut mistakes = vec![
        (Method::GET, "", ("if-none-match", "x"), "", 400),
        (Method::DELETE, "", ("if-match", "x"), "", 400),
    ];
    for (method, end) in [(Method::PUT, ""), (Method::PATCH, "/complete")] {
        mistakes.extend([
            (method.clone(), end, ("if-match", "x"), "{}", 400),
            (method.clone(), end, json, "{", 400),
            (method.clone(), end, json, "{\"completed\": 1}", 400),
            (method.clone(), end, json, &large, 413),
            (method.clone(), end, ("content-type", "text/plain"), "{}", 415),
        ]);
    }
    for task in [
        "/api/tasks/f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "/api/tasks/01a1f8c8-b570-72e1-a943-5e26883ce3c8",
        "/api/tasks/undefined",
        &bobs,
    ] {
        for (method, end, header, body, status) in &mistakes {
            let path = format!("{task}{end}");
            let body = body.as_bytes().to_vec();
            let reply = alice.send(method.clone(), &path, &[*header], body).await;
            assert_eq!(reply.status, *status, "{method} {path} {header:?}");
        }
    }
}

#[tokio::test]
async fn unusual_text_is_stored_unchanged() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for title in [
        "a\u{0}b",
        "👩‍👩‍👧‍👦",
        "\u{202e}right to left",
        "'; DROP TABLE tasks; --",
        "<script>alert(1)</script>",
        "\u{feff}",
        "\\u0041 \"quoted\" /",
        "e\u{301} is not é",
        &"\u{10ffff}".repeat(200),
        &"漢".repeat(200),
    ] {
        let body = json!({"title": title, "description": title});
        let created = alice.post("/api/tasks", body).await.expect(StatusCode::CREATED);
        let stored = alice.get(created.header("location")).await.ok().json();
        assert_eq!(stored["title"], title);
        assert_eq!(stored["description"], title);
    }
    for sort in ["created", "title", "due_date"] {
        assert_eq!(alice.get(&format!("/api/tasks?sort={sort}")).await.ok().titles().len(), 10);
    }
}

#[tokio::test]
async fn the_first_and_the_last_year_are_accepted() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for (sent, stored) in [
        ("0001-01-01", "0001-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00-23:59", "0001-01-01T23:59:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ("9999-12-31T23:59:59+23:59", "9999-12-31T00:00:59.000Z"),
    ] {
        let body = json!({"title": sent, "due_date": sent});
        let task = alice.post("/api/tasks", body).await.expect(StatusCode::CREATED).json();
        assert_eq!(task["due_date"], stored);
    }
}

#[tokio::test]
async fn oversized_headers_are_rejected_and_the_next_request_succeeds() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let long = app.with_authorization(&format!("Bearer {}", "a".repeat(8193)));
    let detail = long.get("/api/tasks").await.problem(StatusCode::UNAUTHORIZED);
    assert_eq!(detail, "The token is longer than 8192 bytes");
    let longer = app.with_authorization(&format!("Bearer {}", "a".repeat(11_000)));
    let reply = longer.get("/api/tasks").await;
    assert_eq!(reply.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    alice.get("/api/tasks").await.ok();
}
