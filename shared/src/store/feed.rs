//! The feed of changes, which keeps other devices up to date.
//!
//! The index `by_updated` holds every task by the time of its last write, with the trash
//! and the tombstones of what was deleted for good. A device reads it in *rounds*: from
//! where the previous round left off to the end, in pages. Its token says when the last
//! round began.
//!
//! A write becomes visible later than its own time says: its request was under way, the
//! clocks of two functions differ, the index lags. So a round that started exactly where
//! the previous one began would miss writes. It starts earlier:
//!
//! - [`NEAR`] before, which is longer than a write can take until it is acknowledged and
//!   visible;
//! - every [`FAR_EVERY`], [`FAR`] before the last round of this kind began. The network may
//!   deliver a request minutes late. AWS executes it as long as its signature is valid,
//!   and [`FAR`] is longer than that.
//!
//! What a round reads again is not returned again: the token knows the last changes that
//! were returned (`delivered.rs`).

mod delivered;
mod token;

use std::time::Duration;

use aws_sdk_dynamodb::operation::query::QueryOutput;

use super::Tasks;
use super::attempts::repeat;
use super::error::{BadItem, StoreError};
use super::item::{self, DELETED_AT, Item, OF_A_TASK, UPDATED_AT, string};
use super::read::OF_THE_USER;
use crate::deadlines::{CLOCK_SKEW, FUNCTION, LAST_START, fits};
use crate::task::{FeedEntry, FeedQuery, Revision, TaskId, Timestamp};
use delivered::Delivered;

/// How far before the previous round the next one starts.
const NEAR: Duration = Duration::from_secs(60);

/// How often a round starts from further back.
const FAR_EVERY: Duration = Duration::from_secs(15 * 60);

/// How far before the last round of this kind it then starts.
const FAR: Duration = Duration::from_secs(16 * 60);

/// A device whose round took longer is not up to date at its end.
const LONGEST_ROUND: Duration = Duration::from_secs(30);

/// How long AWS accepts a signed request.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
const SIGNATURE: Duration = Duration::from_secs(15 * 60);

/// How much an index may lag behind the table.
const INDEX_LAG: Duration = Duration::from_secs(30);

/// How long a token can be used. Deletions stay in the index for 30 days.
const TOKEN_LIFETIME: Duration = Duration::from_secs(29 * 24 * 60 * 60);

const _: () = assert!(fits(&[FUNCTION, CLOCK_SKEW, CLOCK_SKEW, INDEX_LAG], NEAR));
const _: () = assert!(fits(&[LAST_START, SIGNATURE, CLOCK_SKEW, CLOCK_SKEW, INDEX_LAG], FAR));
const _: () = assert!(fits(&[TOKEN_LIFETIME, FAR_EVERY, FAR], item::TRASH));

/// What follows a page of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// The token for the next request.
    pub next: String,
    /// Whether there is more to read now.
    pub more: bool,
}

/// The state of a device that follows the feed. All times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
struct Round {
    /// When the round began.
    began: i64,
    /// When the last round that started from far back began.
    far: i64,
    /// Where the round starts; `None` for the beginning.
    from: Option<i64>,
    /// The last row that was read, until the round is finished.
    position: Option<Position>,
    /// Whether it is the first round, which leaves out what was deleted before.
    is_first: bool,
    delivered: Delivered,
}

/// A position in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    updated_at: i64,
    id: TaskId,
}

/// What identifies a change.
#[derive(Clone, Copy, Debug)]
struct Version {
    position: Position,
    revision: Revision,
}

impl Tasks<'_> {
    /// Passes the changes of `query` to `take`, one by one in the order of their times,
    /// until a page is full or `take` rejects one by returning `false`. Without a token,
    /// these are all living tasks.
    ///
    /// Whoever goes on with the returned token until there is no more has the tasks as they
    /// are, and hears of every later change: of an acknowledged write at once, as soon as
    /// the index has it. A change may be passed on twice, with the same revision.
    ///
    /// Each page is one request, which reads at most 100 rows more than the limit of `query`
    /// says. It may contain no change although there is more.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadToken`] if the token was not made for this user,
    /// [`StoreError::Resync`] if it is too old or was made for another table.
    pub async fn changes(
        &self,
        query: &FeedQuery,
        mut take: impl FnMut(&FeedEntry) -> bool,
    ) -> Result<FeedPage, StoreError> {
        let now = self.store.clock.now().unix_millis();
        let mut round = match &query.since {
            None => Round::first(now),
            Some(token) => token::decode(token, self, now)?.or_next(now),
        };
        let output = self.read_changes(&round, query.limit).await?;
        let mut rest = output.last_evaluated_key.as_ref().map(Position::of).transpose()?;
        let mut returned = 0;
        for item in output.items.unwrap_or_default() {
            let version = Version::of(&item)?;
            if round.has_news(&version) {
                let entry = entry(self.user.id(), item)?;
                if !round.leaves_out(&entry) {
                    if returned == query.limit || !take(&entry) {
                        rest = round.position;
                        break;
                    }
                    returned += 1;
                    round.note(&version);
                }
            }
            round.position = Some(version.position);
        }
        round.position = rest;
        let more = rest.is_some() || round.finish(now);
        Ok(FeedPage { next: token::encode(&round, self), more })
    }

    async fn read_changes(&self, round: &Round, limit: usize) -> Result<QueryOutput, StoreError> {
        let mut condition = OF_THE_USER.to_owned();
        let mut query = self
            .query()
            .index_name("by_updated")
            .projection_expression([&OF_A_TASK[..], &[DELETED_AT]].concat().join(", "))
            // So many rows may be known.
            .limit(i32::try_from(limit + round.delivered.len()).unwrap_or(i32::MAX));
        if let Some(from) = round.from {
            condition.push_str(" AND updated_at >= :from");
            query = query.expression_attribute_values(":from", string(text(from)));
        }
        if let Some(position) = round.position {
            let mut key = self.key(position.id);
            key.insert(UPDATED_AT.to_owned(), string(text(position.updated_at)));
            query = query.set_exclusive_start_key(Some(key));
        }
        let query = query.key_condition_expression(condition);
        let (result, _) = repeat(self.began, || query.clone().send()).await;
        Ok(result?)
    }
}

impl Round {
    /// Returns the first round of a device.
    fn first(now: i64) -> Round {
        Round {
            began: now,
            far: now,
            from: None,
            position: None,
            is_first: true,
            delivered: Delivered::default(),
        }
    }

    /// Returns this round, or the next one if it is finished.
    fn or_next(self, now: i64) -> Round {
        if let Some(position) = self.position {
            return Round { from: Some(position.updated_at), ..self };
        }
        let is_far = now - self.far >= millis(FAR_EVERY);
        let (from, far) = match is_far {
            true => (self.far - millis(FAR), now),
            false => (self.began - millis(NEAR), self.far),
        };
        Round { began: now, far, from: Some(from), is_first: false, ..self }
    }

    /// Finishes the round. Returns whether it began so long ago that the next one should
    /// follow at once: the round has missed what was written meanwhile with an earlier time.
    fn finish(&mut self, now: i64) -> bool {
        self.is_first = false;
        now - self.began > millis(LONGEST_ROUND)
    }

    fn has_news(&self, version: &Version) -> bool {
        self.delivered.is_new(version)
    }

    /// Remembers that the device was told of this version, if a later round may read it
    /// again. In a first round, few are so young.
    fn note(&mut self, version: &Version) {
        if version.position.updated_at >= self.far - millis(FAR) {
            self.delivered.note(version);
        }
    }

    /// Whether `entry` is a deletion that a new device need not hear of: no page of its
    /// first round had the task.
    fn leaves_out(&self, entry: &FeedEntry) -> bool {
        let FeedEntry::Deletion { deleted_at, .. } = entry else { return false };
        self.is_first && deleted_at.unix_millis() < self.began - millis(FAR)
    }

    /// The earliest time of a row that a later page may read for the second time.
    fn earliest(&self) -> i64 {
        let by_later_rounds = self.far - millis(FAR);
        match self.position {
            Some(position) if !self.is_first => by_later_rounds.min(position.updated_at),
            _ => by_later_rounds,
        }
    }
}

impl Position {
    /// Returns the position of an item, or of the key of one.
    fn of(item: &Item) -> Result<Position, BadItem> {
        let updated_at = item::moment_of(item, UPDATED_AT)?.unix_millis();
        Ok(Position { updated_at, id: item::id_of(item)? })
    }
}

impl Version {
    fn of(item: &Item) -> Result<Version, BadItem> {
        Ok(Version { position: Position::of(item)?, revision: item::revision_of(item)? })
    }
}

fn entry(user_id: &str, item: Item) -> Result<FeedEntry, BadItem> {
    if item::is_living(&item) {
        return Ok(FeedEntry::Task(item::into_task_of(user_id.to_owned(), item)?));
    }
    // A tombstone of what was deleted for good has only the time of its last write.
    let attribute = if item::is_deleted(&item) { DELETED_AT } else { UPDATED_AT };
    let deleted_at = item::moment_of(&item, attribute)?;
    Ok(FeedEntry::Deletion { id: item::id_of(&item)?, deleted_at })
}

fn text(millis: i64) -> String {
    Timestamp::from_unix_millis(millis).to_string()
}

const fn millis(duration: Duration) -> i64 {
    duration.as_millis() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn deleted(millis: i64) -> FeedEntry {
        let deleted_at = Timestamp::from_unix_millis(millis);
        FeedEntry::Deletion { id: TaskId::new(), deleted_at }
    }

    #[test]
    fn a_new_device_hears_of_no_deletion_from_before_and_of_all_later_ones() {
        let mut round = Round::first(DAY);
        assert!(round.leaves_out(&deleted(DAY - millis(FAR) - 1)));
        assert!(!round.leaves_out(&deleted(DAY - millis(FAR))), "it may have come late");
        round.finish(DAY);
        assert!(!round.or_next(2 * DAY).leaves_out(&deleted(0)));
    }

    #[test]
    fn a_device_whose_round_took_long_is_not_up_to_date() {
        let mut round = Round::first(DAY);
        assert!(!round.finish(DAY + millis(LONGEST_ROUND)));
        assert!(round.finish(DAY + millis(LONGEST_ROUND) + 1));
    }

    #[test]
    fn a_new_device_remembers_only_what_a_later_round_reads_again() {
        let mut round = Round::first(DAY);
        for (updated_at, remembered) in [(0, 0), (DAY - millis(FAR) - 1, 0), (DAY, 1)] {
            let position = Position { updated_at, id: TaskId::new() };
            round.note(&Version { position, revision: Revision::new() });
            assert_eq!(round.delivered.len(), remembered, "{updated_at}");
        }
    }

    #[test]
    fn most_rounds_start_near_the_previous_one_and_some_far_before_it() {
        let next = Round::first(DAY).or_next(DAY + millis(FAR_EVERY) - 1);
        assert_eq!(next.from, Some(DAY - millis(NEAR)));
        let after = next.clone().or_next(DAY + millis(FAR_EVERY));
        assert_eq!(after.from, Some(DAY - millis(FAR)));
        assert_eq!(after.far, DAY + millis(FAR_EVERY));
        let position = Position { updated_at: 7, id: TaskId::new() };
        let unfinished = Round { position: Some(position), ..next };
        let same = unfinished.clone().or_next(2 * DAY);
        assert_eq!(same, Round { from: Some(7), ..unfinished });
    }
}
