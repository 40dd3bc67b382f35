//! What any layer notes about the request that it is working on, for its log line
//! (`telemetry.rs`).

use std::cell::RefCell;

tokio::task_local! {
    static RECORD: RefCell<Record>;
}

/// What was noted about one request.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The user's id.
    pub(crate) user: Option<String>,
    /// How many requests were sent to DynamoDB.
    pub(crate) attempts: u32,
    /// The request units that they consumed.
    pub(crate) units: f64,
    /// Whether the reply is a list without a limit that continues on another page.
    pub(crate) cut: bool,
}

/// Waits for `future`, and returns what was noted meanwhile beside its output.
pub(crate) async fn during<T>(future: impl Future<Output = T>) -> (T, Record) {
    let noting = async {
        let output = future.await;
        (output, RECORD.with(RefCell::take))
    };
    RECORD.scope(RefCell::default(), noting).await
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
