//! How a write changes when a task is due. Clients say it in `due`, or as before in
//! `due_date`, or in both, because they send whole tasks back.

use super::{Due, Kind};
use crate::task::{Change, Timestamp};

/// A change to when a task is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DueChange {
    /// Keeps it.
    #[default]
    Keep,
    /// The task is no longer due.
    Clear,
    /// Sets it.
    Set(Due),
    /// Sets the moment. A task that has the same already keeps what it means: clients that
    /// only know `due_date` send it back with whatever else they change.
    Move(Timestamp),
    /// `due` and `due_date`, which disagree. The one that the task does not have already is
    /// the change.
    Either {
        /// What `due` says; `None` for `null`.
        due: Option<Due>,
        /// What `due_date` says; `None` for `null`.
        due_date: Option<Due>,
    },
}

/// `due` and `due_date` disagree, and the task has neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disagreement;

impl DueChange {
    /// Combines what `due` and `due_date` say.
    pub(in crate::task) fn of(due: Change<Due>, due_date: Change<Due>) -> DueChange {
        let (due, due_date) = match (due, due_date) {
            (Change::Keep, Change::Keep) => return DueChange::Keep,
            (Change::Keep, Change::Clear) | (Change::Clear, Change::Keep) => {
                return DueChange::Clear;
            }
            (Change::Set(due), Change::Keep) => return DueChange::Set(due),
            (Change::Keep, Change::Set(due_date)) => return DueChange::by_due_date(due_date),
            (Change::Clear, Change::Clear) => (None, None),
            (Change::Clear, Change::Set(due_date)) => (None, Some(due_date)),
            (Change::Set(due), Change::Clear) => (Some(due), None),
            (Change::Set(due), Change::Set(due_date)) => (Some(due), Some(due_date)),
        };
        if instant(due.as_ref()) != instant(due_date.as_ref()) {
            return DueChange::Either { due, due_date };
        }
        due.map_or(DueChange::Clear, DueChange::Set)
    }

    fn by_due_date(due_date: Due) -> DueChange {
        match due_date.kind {
            Kind::Instant => DueChange::Move(due_date.instant),
            _ => DueChange::Set(due_date),
        }
    }

    /// Decides between `due` and `due_date` for a task that is due at `stored`.
    ///
    /// # Errors
    ///
    /// If both disagree with it too.
    pub fn decide(self, stored: Option<&Due>) -> Result<DueChange, Disagreement> {
        let DueChange::Either { due, due_date } = self else { return Ok(self) };
        let has_due = match (&due, stored) {
            (Some(due), Some(stored)) => due.means(stored),
            (due, stored) => due.is_none() && stored.is_none(),
        };
        let has_due_date = instant(due_date.as_ref()) == instant(stored);
        match (has_due, has_due_date) {
            (true, true) => Ok(DueChange::Keep),
            (false, true) => Ok(due.map_or(DueChange::Clear, DueChange::Set)),
            (true, false) => Ok(due_date.map_or(DueChange::Clear, DueChange::by_due_date)),
            (false, false) => Err(Disagreement),
        }
    }

    /// Returns when a new task is due.
    pub(in crate::task) fn into_new(self) -> Result<Option<Due>, Disagreement> {
        Ok(match self.decide(None)? {
            DueChange::Set(due) => Some(due),
            DueChange::Move(instant) => Some(instant.into()),
            DueChange::Keep | DueChange::Clear | DueChange::Either { .. } => None,
        })
    }
}

fn instant(due: Option<&Due>) -> Option<Timestamp> {
    due.map(Due::instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(text: &str) -> Due {
        Due::parse(text).unwrap()
    }

    const DAY: &str = "2027-02-10";
    const MIDNIGHT: &str = "2027-02-10T00:00:00Z";
    const NOON: &str = "2027-02-10T12:00:00Z";

    fn either(due: Option<&str>, due_date: Option<&str>, stored: Option<&str>) -> DueChange {
        let change = |text: Option<&str>| {
            text.map_or(Change::Clear, |it| Change::Set(Due::parse(it).unwrap()))
        };
        let stored = stored.map(|text| Due::parse(text).unwrap());
        DueChange::of(change(due), change(due_date)).decide(stored.as_ref()).unwrap()
    }

    #[test]
    fn due_date_alone_means_what_its_text_says() {
        let alone = |text| DueChange::of(Change::Keep, Change::Set(due(text)));
        assert_eq!(alone(DAY), DueChange::Set(due(DAY)));
        assert_eq!(alone("2027-02-10T12:00"), DueChange::Set(due("2027-02-10T12:00")));
        assert_eq!(alone(NOON), DueChange::Move(due(NOON).instant()));
        assert_eq!(DueChange::of(Change::Keep, Change::<Due>::Clear), DueChange::Clear);
    }

    #[test]
    fn due_and_due_date_that_agree_are_what_due_means() {
        let both = DueChange::of(Change::Set(due(DAY)), Change::Set(due(MIDNIGHT)));
        assert_eq!(both, DueChange::Set(due(DAY)));
        assert_eq!(DueChange::of(Change::Clear, Change::<Due>::Clear), DueChange::Clear);
    }

    #[test]
    fn whichever_the_task_does_not_have_is_the_change() {
        assert_eq!(either(Some(DAY), Some(NOON), Some(DAY)), DueChange::Move(due(NOON).instant()));
        assert_eq!(either(Some(NOON), Some(MIDNIGHT), Some(DAY)), DueChange::Set(due(NOON)));
        assert_eq!(either(None, Some(MIDNIGHT), Some(DAY)), DueChange::Clear);
        assert_eq!(either(Some(DAY), None, Some(DAY)), DueChange::Clear);
        assert_eq!(either(Some(DAY), None, None), DueChange::Set(due(DAY)));
        assert_eq!(either(None, Some(DAY), None), DueChange::Set(due(DAY)));
    }

    #[test]
    fn two_changes_that_disagree_are_refused() {
        let both = DueChange::of(Change::Set(due(DAY)), Change::Set(due(NOON)));
        assert_eq!(both.clone().decide(Some(&due("2027-02-11"))), Err(Disagreement));
        assert_eq!(both.into_new(), Err(Disagreement));
        let cleared = DueChange::of(Change::Clear, Change::Set(due(NOON)));
        assert_eq!(cleared.clone().decide(Some(&due(DAY))), Err(Disagreement));
        assert_eq!(cleared.into_new(), Ok(Some(due(NOON))));
    }

    #[test]
    fn a_zone_whose_rules_have_changed_is_no_change() {
        let zoned = |instant: &str| {
            let local = Timestamp::parse("2027-02-10T09:00").unwrap();
            let kind = Kind::Zoned { local, time_zone: "Europe/Berlin".into() };
            Due::stored(Timestamp::parse(instant).unwrap(), kind)
        };
        let (before, now) = (zoned("2027-02-10T07:00Z"), zoned("2027-02-10T08:00Z"));
        let sent = DueChange::of(Change::Set(now), Change::Set(due("2027-02-10T07:00Z")));
        assert_eq!(sent.decide(Some(&before)), Ok(DueChange::Keep));
    }
}
