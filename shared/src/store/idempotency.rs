//! Creates with an idempotency key: one task, however often the request is sent.
//!
//! The record of the key is written in one transaction with the task, so neither is ever
//! written without the other. A record does not hold the reply: the same body with the
//! recorded id and revision yields the same reply again, whatever has happened to the
//! task since.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::Tasks;
use super::attempts::{Attempts, Failure, attempt, sort};
use super::create::Created;
use super::error::{BadItem, StoreError};
use super::hash::hash;
use super::item::{self, Item, REVISION, TASK_ID, number, string};
use crate::task::{Due, DueKind, IdempotencyKey, NewTask, Priority, Revision, Task, TaskId};

/// How long a key is remembered, in seconds.
pub const REMEMBERED_SECONDS: i64 = 24 * 60 * 60;

const KEY: &str = "key";
const BODY_HASH: &str = "body_hash";
const BODY_DUE: &str = "body_due";
const EXPIRES_AT: &str = "expires_at";

/// Why DynamoDB cancelled a transaction without executing it.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const CONFLICT: &str = "TransactionConflict";
const THROTTLED: [&str; 2] = ["ProvisionedThroughputExceeded", "ThrottlingError"];

impl Tasks<'_> {
    /// Stores a new task, or returns the one that was stored with the same key.
    pub(super) async fn create_once(
        &self,
        new: NewTask,
        key: &IdempotencyKey,
    ) -> Result<Created, StoreError> {
        let task = Task::with_id(self.store.clock.new_id(), self.user.id(), new.clone());
        let body = BodyHash::of(&new);
        let mut attempts = Attempts::since(self.began);
        loop {
            let result = attempt(self.send_both(&task, key, &body)).await;
            let error = match result {
                Ok(_) => return Ok(Created { task, replayed: false }),
                Err(error) => error,
            };
            let reasons = cancellation_reasons(&error);
            if let Some(record) = reasons.first().and_then(CancellationReason::item) {
                return self.replay(record, task, new, &body);
            }
            let because = |codes: &[&str]| {
                reasons.iter().any(|it| it.code().is_some_and(|code| codes.contains(&code)))
            };
            let (conflict, throttled) = (because(&[CONFLICT]), because(&THROTTLED));
            let refused = conflict || throttled;
            let failure = if refused { Failure::Refused } else { sort(&error) };
            if !attempts.another(failure).await {
                return Err(match refused && !attempts.maybe_done() {
                    true if conflict => StoreError::InFlight,
                    true => attempts.unavailable(error),
                    false => attempts.give_up(error),
                });
            }
        }
    }

    /// Returns the reply to a request whose key has this record.
    fn replay(
        &self,
        record: &Item,
        task: Task,
        new: NewTask,
        body: &BodyHash,
    ) -> Result<Created, StoreError> {
        let text = |attribute| match record.get(attribute) {
            Some(AttributeValue::S(text)) => Ok(text.as_str()),
            _ => Err(BadItem { attribute }),
        };
        if !body.is_in(record, BODY_HASH, BODY_DUE) {
            return Err(StoreError::KeyReused);
        }
        let id = TaskId::parse(text(TASK_ID)?).ok_or(BadItem { attribute: TASK_ID })?;
        let revision = Revision::parse(text(REVISION)?).ok_or(BadItem { attribute: REVISION })?;
        // An earlier attempt at this very request, whose reply was lost.
        if id == task.id {
            return Ok(Created { task, replayed: false });
        }
        let first = Task { revision, ..Task::with_id(id, self.user.id(), new) };
        Ok(Created { task: first, replayed: true })
    }

    /// Writes the task and the record of the key, or neither.
    async fn send_both(
        &self,
        task: &Task,
        key: &IdempotencyKey,
        body: &BodyHash,
    ) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError, HttpResponse>> {
        let now = self.store.clock.now().unix_seconds();
        let hashed_key = hash(&[self.user.id().as_bytes(), key.as_str().as_bytes()]);
        let mut item = Item::from([(KEY.to_owned(), string(hashed_key))]);
        body.write(&mut item, BODY_HASH, BODY_DUE);
        let record = Put::builder()
            .table_name(&self.store.idempotency_table)
            .set_item(Some(item))
            .item(TASK_ID, string(task.id.to_string()))
            .item(REVISION, string(task.revision.to_string()))
            .item(EXPIRES_AT, number(now + REMEMBERED_SECONDS))
            // DynamoDB deletes expired items within days, not immediately.
            .condition_expression("attribute_not_exists(expires_at) OR expires_at <= :now")
            .expression_attribute_values(":now", number(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(SdkError::construction_failure)?;
        let put = Put::builder()
            .table_name(&self.store.table)
            .set_item(Some(item::from_task(task)))
            .build()
            .map_err(SdkError::construction_failure)?;
        self.store
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(record).build())
            .transact_items(TransactWriteItem::builder().put(put).build())
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
    }
}

/// Returns why each part of a transaction was cancelled.
fn cancellation_reasons(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
) -> &[CancellationReason] {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

/// Recognises the content of a new task when it comes again.
pub(super) struct BodyHash {
    hash: String,
    /// What its due date means. Earlier versions took a date for its midnight, so the hash
    /// contains the moment alone.
    due: Option<&'static str>,
}

impl BodyHash {
    pub(super) fn of(new: &NewTask) -> BodyHash {
        BodyHash { hash: hash_of(new), due: new.due.as_ref().map(Due::kind_name) }
    }

    /// Adds it to an item as these attributes.
    pub(super) fn write(&self, item: &mut Item, hash: &str, due: &str) {
        item.insert(hash.to_owned(), string(&self.hash));
        if let Some(kind) = self.due {
            item.insert(due.to_owned(), string(kind));
        }
    }

    /// Whether an item has it in these attributes. Items of earlier versions only have the
    /// hash.
    pub(super) fn is_in(&self, item: &Item, hash: &str, due: &str) -> bool {
        item.get(hash) == Some(&string(&self.hash))
            && item.get(due).is_none_or(|stored| Some(stored) == self.due.map(string).as_ref())
    }
}

/// Hashes the content of a new task. Hashes are stored, so later versions must compute
/// the same ones. Today's members are always hashed, present or not. A future member must
/// be hashed with its name, and only if it is present, so that a request without it keeps
/// the hash that was stored before the deployment.
fn hash_of(new: &NewTask) -> String {
    let NewTask { title, description, priority, due, labels } = new;
    // The rules of a zone, and thus the moment, may change between two requests.
    let (due_date, zoned) = match due.as_ref().map(|due| (due.instant(), due.kind())) {
        Some((_, DueKind::Zoned { local, time_zone })) => {
            (None, Some([local.to_string(), time_zone.clone()]))
        }
        due => (due.map(|(instant, _)| instant.to_string()), None),
    };
    let optional = [description.as_deref(), priority.map(Priority::as_str), due_date.as_deref()];
    let mut parts = vec![title.as_bytes()];
    for value in optional {
        parts.push(if value.is_some() { b"+" } else { b"-" });
        parts.push(value.unwrap_or_default().as_bytes());
    }
    let labels = labels.as_slice();
    let count = labels.len().to_string();
    if !labels.is_empty() {
        parts.extend([b"labels", count.as_bytes()]);
        parts.extend(labels.iter().map(|label| label.as_bytes()));
    }
    if let Some([local, time_zone]) = &zoned {
        parts.extend([b"due".as_slice(), local.as_bytes(), time_zone.as_bytes()]);
    }
    hash(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Labels, Timestamp};

    #[test]
    fn the_hash_of_a_task_matches_those_already_stored() {
        let mut new = NewTask {
            description: Some("\u{1f44b}".into()),
            priority: Some(Priority::High),
            due: Due::parse("2027-02-10"),
            ..NewTask::titled("Buy milk")
        };
        assert_eq!(hash_of(&new), "5ocO6XhriGIQkSK3tkpfeLhmr89Y7KRzSccwW60rAUQ");
        let whole = hash_of(&new);
        new.description = Some(String::new());
        let empty = hash_of(&new);
        new.description = None;
        assert_ne!(hash_of(&new), empty);
        assert_ne!(hash_of(&new), whole);
        new.labels = Labels::stored(vec!["a".into(), "b".into()]);
        let labelled = hash_of(&new);
        assert_eq!(labelled, "Cr3xZ5wb4sWgMddv1vhfhFxjXbrVSvkgw6YFoHNwSBg");
        new.labels = Labels::stored(vec!["a".into()]);
        assert_ne!(hash_of(&new), labelled);
        let zoned = |local, time_zone: &str| {
            let local = Timestamp::parse(local).unwrap();
            let kind = DueKind::Zoned { local, time_zone: time_zone.to_owned() };
            let due = Some(Due::stored(Timestamp::MIN, kind));
            hash_of(&NewTask { due, ..NewTask::titled("Buy milk") })
        };
        let hash = zoned("2027-02-10T09:00", "Europe/Berlin");
        assert_eq!(hash, "dK1kHrHxIjn1r_CbWw9BK8ytwMM9x-qN_86-AzpR0fM");
        assert_ne!(hash, zoned("2027-02-10T09:00", "Europe/Paris"));
        assert_ne!(hash, zoned("2027-02-10T10:00", "Europe/Berlin"));
    }
}
