//! At-most-once updates: an update is executed once, however often it is sent.
//!
//! Each update has a random id, which it stores in the item. Its condition fails on an
//! item that holds the id. So a lost reply, a retry and an attempt that the network
//! delivers minutes late result in one execution, and a rejected update learns from the
//! item what became of its earlier attempts.
//!
//! Ids expire in epochs of 17 seconds. `done_0`, `done_1` and `done_2` hold the ids of
//! the epochs that are 0, 1 and 2 modulo 3. An update of epoch *e* adds its id to the set
//! of *e*, removes the set of *e* + 1, and writes *e* into the item, which then rejects
//! updates of earlier epochs. So only an item of epoch *e* + 2 or later has forgotten an
//! id of epoch *e*, and such an item rejects all older attempts.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::error::BadItem;
use super::item::{DONE, EPOCH, Item, UPDATED_AT, moment_of, number_of};
use crate::deadlines;
use crate::task::Timestamp;

/// The length of an epoch. It is longer than a request plus the clock skew, so all
/// attempts at a request find the id that the first one stored. Three epochs do not
/// divide an hour or a day, so a task that is written every hour does not always use the
/// same set.
///
/// Stored items depend on this length, so it cannot change.
const EPOCH_LENGTH: Duration = Duration::from_secs(17);

const _: () = assert!(deadlines::fits(&[deadlines::FUNCTION, deadlines::CLOCK_SKEW], EPOCH_LENGTH));

/// The most ids that an epoch holds. After that, the next epoch begins early, so no item
/// grows without bound.
const MOST_IDS: usize = 128;

/// One update, across all its attempts.
pub(super) struct Once {
    id: Blob,
    /// Epochs since 1970.
    epoch: u64,
    /// Whether the item rejected an attempt because that was earlier than its last write.
    was_early: bool,
}

/// What an item that rejected an update says about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// An earlier attempt was executed.
    Done,
    /// No attempt was executed so far.
    NotDone,
    /// The item may have forgotten an earlier attempt.
    Forgotten,
}

impl Once {
    /// Returns a new update that begins `now`.
    pub(super) fn new(now: Timestamp) -> Once {
        let id = uuid::Uuid::new_v4().into_bytes();
        let epoch = now.unix_millis().unsigned_abs();
        let epoch = u128::from(epoch) / EPOCH_LENGTH.as_millis();
        Once { id: Blob::new(&id[..6]), epoch: epoch as u64, was_early: false }
    }

    /// Returns the epoch of the next attempt.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the condition for the next attempt, and its values by name.
    pub(super) fn condition(&self) -> (String, [(&'static str, AttributeValue); 3]) {
        let done = self.done();
        let mut condition = format!(
            "(attribute_not_exists({EPOCH}) OR {EPOCH} <= :epoch) \
             AND (attribute_not_exists({done}) OR size({done}) < :most)"
        );
        // An earlier attempt may have had another epoch.
        for done in DONE {
            condition.push_str(&format!(" AND NOT contains({done}, :id)"));
        }
        let values = [
            (":epoch", AttributeValue::N(self.epoch.to_string())),
            (":most", AttributeValue::N(MOST_IDS.to_string())),
            (":id", AttributeValue::B(self.id.clone())),
        ];
        (condition, values)
    }

    /// Returns the attribute that the id is added to, and the id as a set.
    pub(super) fn addition(&self) -> (&'static str, AttributeValue) {
        (self.done(), AttributeValue::Bs(vec![self.id.clone()]))
    }

    /// Returns the attribute to remove.
    pub(super) fn forgotten(&self) -> &'static str {
        DONE[(self.epoch as usize + 1) % DONE.len()]
    }

    /// Whether the item rejected an attempt because that was earlier than its last write.
    /// The next attempt keeps the time of the item: among many writers, a time of its own
    /// would be too early again.
    pub(super) fn was_early(&self) -> bool {
        self.was_early
    }

    /// Returns what `item`, which rejected an attempt, says about all attempts so far.
    pub(super) fn why_refused(&self, item: &Item) -> Result<Refusal, BadItem> {
        let mut ids = DONE.iter().filter_map(|done| item.get(*done)?.as_bs().ok()).flatten();
        if ids.any(|id| *id == self.id) {
            return Ok(Refusal::Done);
        }
        let epoch = number_of(item, EPOCH)?.unwrap_or(0);
        Ok(if epoch > self.epoch + 1 { Refusal::Forgotten } else { Refusal::NotDone })
    }

    /// Adapts the next attempt to `item`, which rejected one sent at `sent_at` for its
    /// epoch or its time. Returns `false` if neither was the reason.
    pub(super) fn adapt(&mut self, item: &Item, sent_at: Timestamp) -> Result<bool, BadItem> {
        let before = (self.epoch, self.was_early);
        self.epoch = self.epoch.max(number_of(item, EPOCH)?.unwrap_or(0));
        let ids = item.get(self.done()).and_then(|ids| ids.as_bs().ok());
        if ids.is_some_and(|ids| ids.len() >= MOST_IDS) {
            self.epoch += 1;
        }
        self.was_early |= moment_of(item, UPDATED_AT)? > sent_at;
        Ok(before != (self.epoch, self.was_early))
    }

    fn done(&self) -> &'static str {
        DONE[self.epoch as usize % DONE.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an item of this epoch that executed updates with these ids.
    fn item(epoch: u64, ids: Vec<Blob>) -> Item {
        let updated_at = Timestamp::now().to_string();
        Item::from([
            (EPOCH.into(), AttributeValue::N(epoch.to_string())),
            (DONE[epoch as usize % 3].into(), AttributeValue::Bs(ids)),
            (UPDATED_AT.into(), AttributeValue::S(updated_at)),
        ])
    }

    #[test]
    fn an_item_knows_what_became_of_an_update_until_it_may_have_forgotten() {
        let once = Once::new(Timestamp::now());
        let epoch = once.epoch;
        let other = || vec![Blob::new(b"other")];
        let mut both = other();
        both.push(once.id.clone());
        assert_eq!(once.why_refused(&item(epoch, both)).unwrap(), Refusal::Done);
        for same_or_next in [epoch - 1, epoch, epoch + 1] {
            let item = item(same_or_next, other());
            assert_eq!(once.why_refused(&item).unwrap(), Refusal::NotDone);
        }
        assert_eq!(once.why_refused(&item(epoch + 2, other())).unwrap(), Refusal::Forgotten);
        assert_eq!(once.why_refused(&Item::new()).unwrap(), Refusal::NotDone);
    }

    #[test]
    fn an_update_adopts_the_epoch_of_the_item_or_the_one_after_a_full_one() {
        let mut once = Once::new(Timestamp::now());
        let epoch = once.epoch;
        let now = Timestamp::now().after_seconds(1).unwrap();
        assert!(once.adapt(&item(epoch + 1, vec![]), now).unwrap());
        assert_eq!(once.epoch, epoch + 1);
        let full = (0..MOST_IDS).map(|id| Blob::new(id.to_be_bytes())).collect();
        assert!(once.adapt(&item(epoch + 1, full), now).unwrap());
        assert_eq!(once.epoch, epoch + 2);
        let item = item(epoch + 2, vec![]);
        assert!(!once.adapt(&item, now).unwrap(), "there is no other reason");
    }

    #[test]
    fn an_update_is_too_early_for_an_item_at_most_once() {
        let mut once = Once::new(Timestamp::now());
        let early = Timestamp::parse("2026-01-01").unwrap();
        let item = item(once.epoch, vec![]);
        assert!(once.adapt(&item, early).unwrap());
        assert!(once.was_early());
        assert!(!once.adapt(&item, early).unwrap(), "it sends no time that could be early");
    }

    #[test]
    fn an_update_removes_neither_the_ids_of_its_own_epoch_nor_of_the_previous_one() {
        let mut once = Once::new(Timestamp::now());
        for _ in 0..3 {
            let before = once.done();
            once.epoch += 1;
            assert_ne!(once.forgotten(), once.done());
            assert_ne!(once.forgotten(), before);
        }
    }
}
