//! What a batch says when something fails, and that it can be sent again.

use local::faults::Fault;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{create, id_of, results, send, statuses};
use crate::support::{Caller, TestApp, kill, until};

/// What an operation that was not executed says.
const NOT_EXECUTED: [&str; 2] =
    ["The service is temporarily unavailable", "The operation was not executed"];
const NOT_KNOWN: &str = "It is not known whether the change was made";

/// A batch with each kind of write, and what the tasks are titled that it changes.
struct Writes {
    operations: Vec<Value>,
}

impl Writes {
    async fn new(caller: &Caller<'_>) -> Writes {
        let mut operations = vec![create("created"), create("created too")];
        for title in ["update", "set_completed", "delete", "delete for good", "restore"] {
            let path = caller.task(title).await;
            if title == "restore" {
                caller.delete(&path).await;
            }
            let mut operation = json!({"op": title, "id": id_of(&path)});
            match title {
                "update" => operation["changes"] = json!({"title": "updated"}),
                "set_completed" => operation["completed"] = json!(true),
                "delete for good" => {
                    operation["op"] = json!("delete");
                    operation["permanent"] = json!(true);
                }
                _ => {}
            }
            operations.push(operation);
        }
        Writes { operations }
    }

    /// Whether each operation was executed, as the stored tasks show.
    async fn executed(&self, caller: &Caller<'_>) -> Vec<bool> {
        let living = caller.get("/api/tasks").await.ok().json();
        let find = |id: &Value| living.as_array().unwrap().iter().find(|task| task["id"] == *id);
        let executed = self.operations.iter().map(|operation| {
            let task = find(&operation["id"]);
            match operation["op"].as_str().unwrap() {
                "update" => task.unwrap()["title"] == "updated",
                "set_completed" => task.unwrap()["completed"] == true,
                "delete" => task.is_none(),
                _ => task.is_some(),
            }
        });
        executed.collect()
    }

    /// Sends the batch again, until nothing is left to do.
    async fn finish(&self, caller: &Caller<'_>) {
        for result in results(caller, &self.operations).await {
            let status = result["status"].as_u64().unwrap();
            // A delete may have been executed before.
            assert!([200, 201, 204, 404].contains(&status), "{result}");
        }
        let done = vec![true; self.operations.len()];
        assert_eq!(self.executed(caller).await, done);
        assert_eq!(caller.get("/api/tasks").await.titles().len(), 5, "each create once");
    }
}

#[tokio::test]
async fn one_fault_in_a_batch_goes_unnoticed() {
    let app = TestApp::start().await;
    for operation in ["PutItem", "UpdateItem"] {
        for fault in Fault::ALL {
            let alice = app.user(&format!("{operation} {fault}"));
            let writes = Writes::new(&alice).await;
            let before = app.faults().made().get(&fault).copied().unwrap_or_default();
            app.faults().plan(operation, fault);
            let results = results(&alice, &writes.operations).await;
            assert_eq!(statuses(&results), [201, 201, 200, 200, 204, 204, 200], "{fault}");
            assert_eq!(app.faults().made()[&fault], before + 1);
            assert_eq!(writes.executed(&alice).await, [true; 7], "{fault}");
            writes.finish(&alice).await;
        }
    }
}

#[tokio::test]
async fn under_many_faults_each_result_is_true_and_the_batch_can_be_sent_again() {
    let app = TestApp::start().await;
    let (mut not_executed, mut not_known) = (0, 0);
    for number in 0..30 {
        let rates = match number % 2 {
            0 => "throttle=0.25,error=0.25,drop=0.2,lost-reply=0.2,garbage=0.05",
            _ => "throttle=0.8,lost-reply=0.1",
        };
        let alice = app.user(&format!("alice {number}"));
        let writes = Writes::new(&alice).await;
        app.faults().set_rates(rates.parse().unwrap());
        let results = results(&alice, &writes.operations).await;
        app.faults().set_rates("".parse().unwrap());
        let executed = writes.executed(&alice).await;
        for ((operation, result), executed) in writes.operations.iter().zip(&results).zip(executed)
        {
            let case = format!("{operation}: {result}");
            if result["status"] != 503 {
                assert!(result["status"].as_u64().unwrap() < 300 && executed, "{case}");
                continue;
            }
            let detail = result["problem"]["detail"].as_str().unwrap();
            if NOT_EXECUTED.iter().any(|text| detail.starts_with(text)) {
                assert!(!executed, "{case}");
                not_executed += 1;
            } else {
                assert!(detail.starts_with(NOT_KNOWN), "{case}");
                not_known += 1;
            }
        }
        writes.finish(&alice).await;
    }
    assert!(not_known > 0 && not_executed > 0, "{not_executed} {not_known}");
}

#[tokio::test]
async fn what_every_attempt_was_refused_is_not_executed_and_says_so() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let writes = Writes::new(&alice).await;
    app.faults().set_rates("UpdateItem:throttle=1".parse().unwrap());
    let results = results(&alice, &writes.operations).await;
    assert_eq!(statuses(&results), [201, 201, 503, 503, 503, 503, 503]);
    for result in &results[2..] {
        let detail = result["problem"]["detail"].as_str().unwrap();
        assert!(detail.starts_with(NOT_EXECUTED[0]), "{detail}");
    }
    app.faults().set_rates("".parse().unwrap());
    assert_eq!(writes.executed(&alice).await, [true, true, false, false, false, false, false]);
    writes.finish(&alice).await;
}

#[tokio::test]
async fn operations_that_a_slow_dynamodb_leaves_no_time_for_were_not_begun_and_say_so() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let mut operations: Vec<Value> = (0..40).map(|number| create(&number.to_string())).collect();
    let first = results(&alice, &operations).await;
    // The second batch creates forty others, and then changes these.
    let updates = first.iter().map(|result| {
        json!({"op": "update", "id": result["task"]["id"], "changes": {"priority": "high"}})
    });
    operations = (40..80).map(|number| create(&number.to_string())).chain(updates).collect();
    app.faults().set_rates("UpdateItem:delay=1".parse().unwrap());
    let results = results(&alice, &operations).await;
    app.faults().set_rates("".parse().unwrap());
    assert_eq!(statuses(&results[..40]), [201; 40]);
    assert_eq!(statuses(&results[40..]), [503; 40]);
    let details: Vec<&str> =
        results[40..].iter().map(|it| it["problem"]["detail"].as_str().unwrap()).collect();
    let not_begun = details.iter().filter(|it| it.starts_with(NOT_EXECUTED[1])).count();
    let not_known = details.iter().filter(|it| it.starts_with(NOT_KNOWN)).count();
    assert!(not_known > 0 && not_begun > 0, "{not_known} not known, {not_begun} not begun");
    assert_eq!(not_known + not_begun, 40);
    // Operations begin in their order.
    assert!(details[not_known..].iter().all(|it| it.starts_with(NOT_EXECUTED[1])));
    let again = super::results(&alice, &operations).await;
    assert_eq!(statuses(&again), [200; 80]);
    assert!(again[40..].iter().all(|result| result["task"]["priority"] == "high"));
    assert_eq!(alice.get("/api/tasks").await.titles().len(), 80);
}

#[tokio::test]
async fn a_batch_whose_function_was_killed_half_way_can_be_sent_again() {
    let app = TestApp::start().await;
    // Some writes wait, while so many of the others are executed.
    for (waiting, count) in [("Update", 1), ("Update", 2), ("Put", 1), ("Put", 3), ("Put", 5)] {
        let alice = app.user(&format!("{waiting} {count}"));
        let writes = Writes::new(&alice).await;
        let lambda = app.server.backend().lambda();
        lambda.ready("batch-tasks").await.unwrap();
        let executed = || app.proxy().executed("PutItem") + app.proxy().executed("UpdateItem");
        let before = executed();
        app.faults().set_rates(format!("{waiting}Item:delay=1").parse().unwrap());
        let killing = async {
            until(|| executed() >= before + count).await;
            for process in lambda.processes("batch-tasks") {
                kill("-9", process);
            }
        };
        let (reply, ()) = tokio::join!(send(&alice, &writes.operations), killing);
        app.faults().set_rates("".parse().unwrap());
        assert_ne!(reply.status, StatusCode::OK);
        writes.finish(&alice).await;
    }
}

#[tokio::test]
async fn connections_that_broke_while_idle_go_unnoticed_in_a_batch() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    for _ in 0..3 {
        let operations: Vec<Value> = (0..50).map(|_| create("t")).collect();
        assert_eq!(statuses(&results(&alice, &operations).await), [201; 50]);
        app.proxy().drop_connections();
    }
}

#[tokio::test]
async fn one_slow_operation_holds_up_no_other() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let operations: Vec<Value> = (0..60).map(|number| create(&number.to_string())).collect();
    let slow = json!({"op": "update", "id": id_of(&alice.task("slow").await),
        "changes": {"title": "still slow"}});
    app.faults().set_rates("UpdateItem:delay=1".parse().unwrap());
    let all: Vec<Value> = std::iter::once(slow).chain(operations).collect();
    let results = results(&alice, &all).await;
    assert_eq!(statuses(&results[1..]), [201; 60]);
    assert_eq!(results[0]["status"], 503);
}

#[tokio::test]
async fn a_retry_uses_none_of_the_connections_that_may_have_died_with_another() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    let operations: Vec<Value> = (0..50).map(|_| create("t")).collect();
    assert_eq!(statuses(&results(&alice, &operations).await), [201; 50]);
    app.proxy().silence_connections();
    assert_eq!(statuses(&results(&alice, &[create("t")]).await), [201]);
}

#[tokio::test]
async fn the_log_counts_the_operations_that_failed_and_quotes_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice");
    app.faults().set_rates("PutItem:throttle=1".parse().unwrap());
    let delete = json!({"op": "delete", "id": "x"});
    send(&alice, &[create("my diary"), delete, create("my diary")]).await.ok();
    for refused in [
        json!({"op": "my diary", "id": "my diary"}),
        json!({"op": "delete", "id": "x", "my diary": 1}),
        json!({"op": "delete", "id": ["my diary"]}),
        json!("my diary"),
    ] {
        send(&alice, &[refused]).await.problem(StatusCode::BAD_REQUEST);
    }
    app.server.backend().lambda().stop().await;
    let logs = app.logs();
    let line = logs.iter().find(|line| line.contains("\"operation\":\"batch-tasks\"")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["status"], 200);
    assert_eq!((&line["operations"], &line["failed_operations"]), (&json!(3), &json!(2)));
    assert_eq!((&line["level"], &line["ServerErrors"]), (&json!("ERROR"), &json!(1)));
    assert!(line["cause"].as_str().unwrap().contains("Throughput"), "{line}");
    assert!(!logs.join("\n").contains("diary"));
}
