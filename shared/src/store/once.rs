//! At most once: an update is executed once, however often it is sent.
//!
//! Each update has an id, a random number. It leaves the id in the item, and an item
//! that holds the id refuses the update. So a lost reply, a repeated attempt and an
//! attempt that the network delivers minutes later come to one execution, and an
//! update that is refused finds in the item what became of its earlier attempts.
//!
//! Ids are forgotten by epochs of 17 seconds. `done_0`, `done_1` and `done_2` hold the
//! ids of the epochs that are 0, 1 and 2 modulo 3. An update of epoch *e* adds its id
//! to one of them, empties that of *e* + 1, and writes *e* into the item, which
//! refuses updates of earlier epochs. An id is therefore forgotten only by an item of
//! epoch *e* + 2 or later, and such an item executes no attempt that is older.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::error::BadItem;
use super::item::{DONE, EPOCH, Item, UPDATED_AT, moment_of, number_of};
use crate::deadlines;
use crate::task::Timestamp;

/// Longer than a request takes and two clocks differ, so all attempts of a request find
/// the id that the first one left. Three epochs do not divide an hour or a day, so a task
/// that is written every hour does not always use the same set.
///
/// Items hold epochs of this length, so it cannot change.
const EPOCH_LENGTH: Duration = Duration::from_secs(17);

const _: () = assert!(deadlines::fits(&[deadlines::FUNCTION, CLOCK_SKEW], EPOCH_LENGTH));

/// How far the clocks of two functions may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How many ids an epoch holds at the most. After that many the next epoch begins
/// early, so that nobody makes an item grow without end.
const MOST_IDS: usize = 128;

/// One update, over all attempts at it.
pub(super) struct Once {
    id: Blob,
    /// Epochs since 1970.
    epoch: u64,
    /// The time of the item, once an attempt was refused because it was earlier.
    ahead: Option<Timestamp>,
}

/// What an item that refused an update tells of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// An earlier attempt has been executed.
    Done,
    /// No attempt has been executed so far.
    NotDone,
    /// The item may have forgotten an earlier attempt.
    Forgotten,
}

impl Once {
    /// A new update that begins now.
    pub(super) fn new() -> Once {
        let id = uuid::Uuid::new_v4().into_bytes();
        let epoch = Timestamp::now().unix_millis().unsigned_abs();
        let epoch = u128::from(epoch) / EPOCH_LENGTH.as_millis();
        Once { id: Blob::new(&id[..6]), epoch: epoch as u64, ahead: None }
    }

    /// What the item must fulfil for the next attempt, with a value for each name.
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

    /// The attribute that takes the id, and the id as a set to add.
    pub(super) fn addition(&self) -> (&'static str, AttributeValue) {
        (self.done(), AttributeValue::Bs(vec![self.id.clone()]))
    }

    /// The attribute that is emptied.
    pub(super) fn forgotten(&self) -> &'static str {
        DONE[(self.epoch as usize + 1) % DONE.len()]
    }

    /// The time of the item, once an attempt was refused because it was earlier. The next
    /// attempt leaves that time as it is: among many writers, an attempt with another time
    /// of its own would be too early again.
    pub(super) fn ahead(&self) -> Option<Timestamp> {
        self.ahead
    }

    /// What `item`, which has refused an attempt, tells of all attempts so far.
    pub(super) fn why_refused(&self, item: &Item) -> Result<Refusal, BadItem> {
        let mut ids = DONE.iter().filter_map(|done| item.get(*done)?.as_bs().ok()).flatten();
        if ids.any(|id| *id == self.id) {
            return Ok(Refusal::Done);
        }
        let epoch = number_of(item, EPOCH)?.unwrap_or(0);
        Ok(if epoch > self.epoch + 1 { Refusal::Forgotten } else { Refusal::NotDone })
    }

    /// Adapts the next attempt to `item`, which refused one that was sent at `sent_at`
    /// because of its epoch or its time; `false` if neither is the reason.
    pub(super) fn adapt(&mut self, item: &Item, sent_at: Timestamp) -> Result<bool, BadItem> {
        let before = (self.epoch, self.ahead);
        self.epoch = self.epoch.max(number_of(item, EPOCH)?.unwrap_or(0));
        let ids = item.get(self.done()).and_then(|ids| ids.as_bs().ok());
        if ids.is_some_and(|ids| ids.len() >= MOST_IDS) {
            self.epoch += 1;
        }
        let updated_at = moment_of(item, UPDATED_AT)?;
        if self.ahead.is_none() && updated_at > sent_at {
            self.ahead = Some(updated_at);
        }
        Ok(before != (self.epoch, self.ahead))
    }

    fn done(&self) -> &'static str {
        DONE[self.epoch as usize % DONE.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An item of this epoch, in which updates with these ids were executed.
    fn item(epoch: u64, ids: Vec<Blob>) -> Item {
        let updated_at = Timestamp::now().to_string();
        Item::from([
            (EPOCH.into(), AttributeValue::N(epoch.to_string())),
            (DONE[epoch as usize % 3].into(), AttributeValue::Bs(ids)),
            (UPDATED_AT.into(), AttributeValue::S(updated_at)),
        ])
    }

    #[test]
    fn an_item_tells_what_became_of_an_update_until_it_may_have_forgotten() {
        let once = Once::new();
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
    fn an_update_goes_on_in_the_epoch_of_the_item_or_behind_a_full_one() {
        let mut once = Once::new();
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
    fn an_update_is_too_early_for_an_item_once_at_the_most() {
        let mut once = Once::new();
        let early = Timestamp::parse("2026-01-01").unwrap();
        let item = item(once.epoch, vec![]);
        assert!(once.adapt(&item, early).unwrap());
        let ahead = once.ahead().unwrap();
        assert!(ahead > early);
        assert!(!once.adapt(&item, early).unwrap(), "it sends no time that could be early");
        assert_eq!(once.ahead(), Some(ahead));
    }

    #[test]
    fn an_update_of_an_epoch_empties_neither_its_own_ids_nor_those_before() {
        let mut once = Once::new();
        for _ in 0..3 {
            let before = once.done();
            once.epoch += 1;
            assert_ne!(once.forgotten(), once.done());
            assert_ne!(once.forgotten(), before);
        }
    }
}
