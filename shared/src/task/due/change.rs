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
}

/// What a client sent as `due`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::task) struct SentDue {
    pub(super) due: Due,
    /// Whether it is as the API has returned it: with its own moment as `at`.
    pub(super) is_echo: bool,
}

impl DueChange {
    /// Combines what `due` and `due_date` say. If they disagree, `due` counts, unless the
    /// client sends it back as it was and has only changed `due_date`. That does not depend on
    /// the task, so a repeated write ends in the same state.
    pub(in crate::task) fn of(due: Change<SentDue>, due_date: Change<Due>) -> DueChange {
        match (due, due_date) {
            (Change::Keep, due_date) => DueChange::by_due_date(due_date),
            (Change::Clear, _) => DueChange::Clear,
            (Change::Set(SentDue { due, is_echo: true }), due_date) => match due_date {
                Change::Keep => DueChange::Set(due),
                Change::Set(same) if same.instant == due.instant => DueChange::Set(due),
                edited => DueChange::by_due_date(edited),
            },
            (Change::Set(SentDue { due, is_echo: false }), _) => DueChange::Set(due),
        }
    }

    fn by_due_date(due_date: Change<Due>) -> DueChange {
        match due_date {
            Change::Keep => DueChange::Keep,
            Change::Clear => DueChange::Clear,
            Change::Set(Due { instant, kind: Kind::Instant }) => DueChange::Move(instant),
            Change::Set(due) => DueChange::Set(due),
        }
    }

    /// Returns when a new task is due.
    pub(in crate::task) fn into_new(self) -> Option<Due> {
        match self {
            DueChange::Set(due) => Some(due),
            DueChange::Move(instant) => Some(instant.into()),
            DueChange::Keep | DueChange::Clear => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "2027-02-10";
    const MIDNIGHT: &str = "2027-02-10T00:00:00Z";
    const NOON: &str = "2027-02-10T12:00:00Z";

    fn due(text: &str) -> Due {
        Due::parse(text).unwrap()
    }

    fn of(sent: Option<(&str, bool)>, due_date: Change<&str>) -> DueChange {
        let sent = sent.map_or(Change::Keep, |(text, is_echo)| {
            Change::Set(SentDue { due: due(text), is_echo })
        });
        DueChange::of(sent, due_date.map(due))
    }

    fn moved(text: &str) -> DueChange {
        DueChange::Move(due(text).instant())
    }

    #[test]
    fn due_date_alone_means_what_its_text_says() {
        let alone = |text| of(None, Change::Set(text));
        assert_eq!(alone(DAY), DueChange::Set(due(DAY)));
        assert_eq!(alone("2027-02-10T12:00"), DueChange::Set(due("2027-02-10T12:00")));
        assert_eq!(alone(NOON), moved(NOON));
        assert_eq!(of(None, Change::Clear), DueChange::Clear);
        assert_eq!(of(None, Change::Keep), DueChange::Keep);
    }

    #[test]
    fn of_a_due_that_is_sent_back_as_it_was_an_edited_due_date_counts() {
        let echo = Some((DAY, true));
        assert_eq!(of(echo, Change::Keep), DueChange::Set(due(DAY)));
        assert_eq!(of(echo, Change::Set(MIDNIGHT)), DueChange::Set(due(DAY)));
        assert_eq!(of(echo, Change::Set(NOON)), moved(NOON));
        assert_eq!(of(echo, Change::Set("2027-02-12")), DueChange::Set(due("2027-02-12")));
        assert_eq!(of(echo, Change::Clear), DueChange::Clear);
    }

    #[test]
    fn any_other_due_counts_whatever_due_date_says() {
        let edited = Some((DAY, false));
        for due_date in [Change::Keep, Change::Clear, Change::Set(MIDNIGHT), Change::Set(NOON)] {
            assert_eq!(of(edited, due_date), DueChange::Set(due(DAY)));
            let cleared = DueChange::of(Change::Clear, due_date.map(due));
            assert_eq!(cleared, DueChange::Clear);
        }
    }
}
