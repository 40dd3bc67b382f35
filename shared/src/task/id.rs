//! Identifiers: of a task, of a version of it, and of a create request.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::Timestamp;

/// The id of a task: a UUIDv7 (RFC 9562 section 5.7), so ids sort by creation and encode
/// when that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(Uuid);

impl TaskId {
    /// Returns a new id for this moment, greater than every earlier id of this process.
    #[must_use]
    #[allow(clippy::new_without_default)] // Each call returns another value.
    pub fn new() -> TaskId {
        TaskId(Uuid::now_v7())
    }

    /// Returns a new id for the moment `created_at`, which must not be before 1970.
    #[cfg(feature = "tools")]
    #[must_use]
    pub fn at(created_at: Timestamp) -> TaskId {
        let millis = created_at.unix_millis().unsigned_abs();
        let (seconds, nanos) = (millis / 1000, millis % 1000 * 1_000_000);
        let moment = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos as u32);
        TaskId(Uuid::new_v7(moment))
    }

    /// Parses the usual form, `01234567-89ab-7cde-8f01-23456789abcd`, in either case.
    /// Returns `None` for anything else, including UUIDs that no task can have: those of
    /// another version, or from after the year 9999.
    #[must_use]
    pub fn parse(text: &str) -> Option<TaskId> {
        let id = TaskId(hyphenated(text)?);
        let last = Timestamp::MAX.unix_millis().unsigned_abs();
        (id.0.get_version_num() == 7 && id.unix_millis() <= last).then_some(id)
    }

    /// Whether the id was made more than a minute after `now`: by a clock that is wrong.
    #[must_use]
    pub fn is_ahead_of(self, now: Timestamp) -> bool {
        self.created_at().unix_millis() > now.unix_millis() + 60_000
    }

    /// Returns when the task was created.
    #[must_use]
    pub fn created_at(self) -> Timestamp {
        Timestamp::from_system_time(UNIX_EPOCH + Duration::from_millis(self.unix_millis()))
    }

    /// Returns the bytes of the id.
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the first 48 bits of the id: milliseconds since 1970.
    fn unix_millis(self) -> u64 {
        self.0.as_u64_pair().0 >> 16
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for TaskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// Identifies one version of a task: a fresh UUID for each write. Entity tags contain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revision(Uuid);

impl Revision {
    /// Returns a revision that no task has had before.
    #[must_use]
    #[allow(clippy::new_without_default)] // Each call returns another value.
    pub fn new() -> Revision {
        Revision(Uuid::new_v4())
    }

    /// Parses a revision exactly as [`fmt::Display`] writes it, because entity tags are
    /// compared character by character (RFC 9110 section 8.8.3.2).
    #[must_use]
    pub fn parse(text: &str) -> Option<Revision> {
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        hyphenated(text).filter(|_| is_lower).map(Revision)
    }
}

impl Revision {
    /// Returns the bytes of the revision, almost all of them random.
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A client's name for a create request, so that a repeated request creates only one
/// task: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses a key. Returns `None` if it is empty, too long or has other characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<IdempotencyKey> {
        let is_key = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        is_key.then(|| IdempotencyKey(text.to_owned()))
    }

    /// Returns the key of one part of a request that creates several tasks. It differs from every
    /// key that a client can send.
    #[must_use]
    pub fn of_part(&self, part: &str) -> IdempotencyKey {
        IdempotencyKey(format!("{} {part}", self.0))
    }

    /// Returns the key as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Parses only the hyphenated form: `Uuid::parse_str` also accepts braces, URNs and bare
/// digits.
fn hyphenated(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|_| text.len() == 36)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_encodes_when_it_was_created() {
        let id = TaskId::parse("01a1f8c8-b57b-7000-8000-000000000000").unwrap();
        assert_eq!(id.created_at().to_string(), "2026-11-20T11:47:45.659Z");
    }

    #[test]
    fn ids_of_one_process_sort_by_creation() {
        let ids: Vec<String> = (0..1000).map(|_| TaskId::new().to_string()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn only_a_hyphenated_uuidv7_is_an_id() {
        let id = TaskId::new().to_string();
        assert_eq!(TaskId::parse(&id.to_uppercase()).unwrap().to_string(), id);
        for other in [
            String::new(),
            "42".into(),
            id.replace('-', ""),
            format!("{{{id}}}"),
            format!("urn:uuid:{id}"),
            format!("{id} "),
            id.replace('-', "+"),
            Uuid::new_v4().to_string(),
            Uuid::nil().to_string(),
            "ffffffff-ffff-7fff-bfff-ffffffffffff".into(),
        ] {
            assert_eq!(TaskId::parse(&other), None, "{other}");
        }
    }
}
