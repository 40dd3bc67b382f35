//! How long each part of a request may take.
//!
//! A caller gets an answer from us, not a timeout from the gateway: each part ends
//! before the part around it does. The assertions below fail the build when a new value
//! breaks that.

use std::time::Duration;

/// How long Lambda lets a function that serves users run. `template.yaml` sets it, and a
/// test compares the two.
pub const FUNCTION: Duration = Duration::from_secs(10);

/// When the runtime gives up on a handler and replies with a 503. The rest of
/// [`FUNCTION`] is for sending that reply on a busy machine.
pub const ANSWER: Duration = Duration::from_millis(7500);

/// Opening a connection. Within a region it takes a few milliseconds.
pub const CONNECT: Duration = Duration::from_secs(1);

/// One request to DynamoDB. A connection that died while the function was frozen may
/// only show up as this.
pub const ATTEMPT: Duration = Duration::from_secs(2);

/// How long after the token was verified the last attempt may start.
pub const LAST_START: Duration = Duration::from_secs(3);

/// When a batch stops waiting for its operations. By then, each that began in time has had
/// time for one attempt.
pub const BATCH: Duration = Duration::from_secs(5);

/// How long a list passes over tasks that it does not contain, deleted ones or those that do
/// not match its filter, before it replies with what it has.
pub const PASSING: Duration = Duration::from_millis(1500);

/// How long an erasure begins to delete tasks before it replies that some remain. The last
/// ones have time for retries.
pub const ERASING: Duration = Duration::from_secs(2);

/// Fetching a key set, from opening the connection to the last byte. A request waits for
/// at most one fetch, before its time for DynamoDB begins. If both take all their time,
/// [`ANSWER`] ends the request first, unless it is a batch.
pub const KEY_SET_FETCH: Duration = Duration::from_secs(2);

/// How far the clocks of two functions may differ.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

// After the last attempt, a write may ask why its task is missing.
const _: () = assert!(fits(&[LAST_START, ATTEMPT, ATTEMPT], ANSWER));
const _: () = assert!(fits(&[ANSWER], FUNCTION));
const _: () = assert!(fits(&[CONNECT], ATTEMPT));
const _: () = assert!(fits(&[PASSING], LAST_START));
const _: () = assert!(fits(&[ERASING], LAST_START));
// Otherwise ANSWER could end the request, and the results of all operations would be lost.
const _: () = assert!(fits(&[KEY_SET_FETCH, BATCH], ANSWER));
const _: () = assert!(!fits(&[BATCH], LAST_START.saturating_add(ATTEMPT)));
const _: () = assert!(fits(&[KEY_SET_FETCH], ANSWER));

/// Whether `parts`, one after the other, take less time than `whole`.
pub(crate) const fn fits(parts: &[Duration], whole: Duration) -> bool {
    let (mut sum, mut index) = (Duration::ZERO, 0);
    while index < parts.len() {
        sum = sum.saturating_add(parts[index]);
        index += 1;
    }
    sum.as_millis() < whole.as_millis()
}
