//! What any layer notes about the request that it is working on, for its log line
//! (`telemetry.rs`).

use std::cell::RefCell;

tokio::task_local! {
    static RECORD: RefCell<Record>;
}

/// What was noted about one request.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The id that the caller knows the request by.
    pub(crate) request_id: String,
    /// The user's id.
    pub(crate) user: Option<String>,
    /// How many requests were sent to DynamoDB.
    pub(crate) attempts: u32,
    /// The request units that they consumed.
    pub(crate) units: f64,
    /// Whether the reply is a list without a limit that continues on another page.
    pub(crate) cut: bool,
    /// How many operations the request consisted of, if it is a batch.
    pub(crate) operations: Option<usize>,
    /// How many of them failed with a 5xx, and why the first did.
    pub(crate) failures: usize,
    pub(crate) first_cause: Option<String>,
}

/// Waits for `future`, the work on the request `request_id`, and returns what was noted
/// meanwhile beside its output.
pub(crate) async fn during<T>(request_id: &str, future: impl Future<Output = T>) -> (T, Record) {
    let noting = async {
        let output = future.await;
        (output, RECORD.with(RefCell::take))
    };
    let record = Record { request_id: request_id.to_owned(), ..Record::default() };
    RECORD.scope(RefCell::new(record), noting).await
}

/// Returns the id that the caller knows the request by.
pub(crate) fn request_id() -> String {
    RECORD.try_with(|record| record.borrow().request_id.clone()).unwrap_or_default()
}

/// Notes that the request is a batch of `count` operations.
pub(crate) fn operations(count: usize) {
    note(|record| record.operations = Some(count));
}

/// Notes that an operation of a batch failed with a 5xx because of `cause`.
pub(crate) fn failure(cause: Option<&str>) {
    note(|record| {
        record.failures += 1;
        if record.first_cause.is_none() {
            record.first_cause = cause.map(str::to_owned);
        }
    });
}

/// Notes the user of the request.
pub(crate) fn user(id: &str) {
    note(|record| record.user = Some(id.to_owned()));
}

/// Notes a request to DynamoDB and the request units that it consumed.
pub(crate) fn attempt(units: f64) {
    note(|record| {
        record.attempts += 1;
        record.units += units;
    });
}

/// Notes that the reply is a list without a limit that continues on another page.
pub(crate) fn cut_list() {
    note(|record| record.cut = true);
}

fn note(change: impl FnOnce(&mut Record)) {
    // Outside of a request there is no record.
    let _ = RECORD.try_with(|record| change(&mut record.borrow_mut()));
}
