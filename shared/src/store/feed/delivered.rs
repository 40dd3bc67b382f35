//! What a device was last told of the tasks that a later round may read again.

use super::Version;
use crate::store::hash::digest;

/// How many changes a token remembers. If there are more that a round reads again, the
/// earlier ones come again.
const MOST: usize = 100;

/// The bytes of one change in a token.
const BYTES: usize = TASK + TIME + REVISION;
const TASK: usize = 6;
const TIME: usize = 4;
const REVISION: usize = 4;

/// The latest changes that were returned, at most one of each task.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Delivered(Vec<Change>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    /// The beginning of a hash of the task's id, which a client may have made.
    task: [u8; TASK],
    updated_at: i64,
    /// The random beginning of the revision.
    revision: [u8; REVISION],
}

impl Change {
    fn of(version: &Version) -> Change {
        let (mut task, mut revision) = ([0; TASK], [0; REVISION]);
        task.copy_from_slice(&digest(&[version.position.id.as_bytes()])[..TASK]);
        revision.copy_from_slice(&version.revision.as_bytes()[..REVISION]);
        Change { task, updated_at: version.position.updated_at, revision }
    }
}

impl Delivered {
    /// Returns how many changes it holds.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the device does not know this version yet. It never returns to an earlier
    /// one: two reads of an index may see its past in any order.
    pub(super) fn is_new(&self, version: &Version) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let new = Change::of(version);
        self.0.iter().find(|known| known.task == new.task).is_none_or(|known| {
            let is_same = (new.updated_at, new.revision) == (known.updated_at, known.revision);
            new.updated_at >= known.updated_at && !is_same
        })
    }

    /// Remembers that the device was told of this version. If there is no room for it, the
    /// earliest is forgotten, because later rounds soon start behind that.
    pub(super) fn note(&mut self, version: &Version) {
        let new = Change::of(version);
        self.0.retain(|known| known.task != new.task);
        self.0.push(new);
        let earliest = (0..self.0.len()).min_by_key(|at| self.0[*at].updated_at);
        if let Some(earliest) = earliest.filter(|_| self.0.len() > MOST) {
            self.0.swap_remove(earliest);
        }
    }

    /// Returns the changes from `earliest` on as bytes.
    pub(super) fn to_bytes(&self, earliest: i64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * BYTES);
        for Change { task, updated_at, revision } in &self.0 {
            if let Ok(after) = u64::try_from(updated_at - earliest) {
                let after = u32::try_from(after).unwrap_or(u32::MAX);
                bytes.extend_from_slice(task);
                bytes.extend_from_slice(&after.to_be_bytes());
                bytes.extend_from_slice(revision);
            }
        }
        bytes
    }

    /// Returns the changes from [`Delivered::to_bytes`]; `None` if `bytes` are not from
    /// there.
    pub(super) fn from_bytes(bytes: &[u8], earliest: i64) -> Option<Delivered> {
        let (changes, rest) = bytes.as_chunks::<BYTES>();
        let is_whole = rest.is_empty() && changes.len() <= MOST;
        let changes = changes.iter().map(|change| {
            let (task, rest) = change.split_first_chunk()?;
            let (after, revision) = rest.split_first_chunk()?;
            let updated_at = earliest.checked_add(u32::from_be_bytes(*after).into())?;
            Some(Change { task: *task, updated_at, revision: revision.try_into().ok()? })
        });
        if is_whole { changes.collect::<Option<_>>().map(Delivered) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Position;
    use super::*;
    use crate::task::{Revision, TaskId};

    fn version(id: TaskId, updated_at: i64) -> Version {
        Version { position: Position { updated_at, id }, revision: Revision::new() }
    }

    #[test]
    fn a_device_hears_of_each_version_once_and_of_none_before_it() {
        let id = TaskId::new();
        let (first, second) = (version(id, 1000), version(id, 2000));
        let mut delivered = Delivered::default();
        assert!(delivered.is_new(&first));
        delivered.note(&second);
        assert!(!delivered.is_new(&second));
        assert!(!delivered.is_new(&first));
        assert!(delivered.is_new(&version(id, 2000)), "two writes may have the same time");
        assert!(delivered.is_new(&version(id, 2001)));
        assert!(delivered.is_new(&version(TaskId::new(), 1000)));
    }

    #[test]
    fn it_forgets_the_earliest_and_what_no_round_reads_again() {
        let versions: Vec<Version> =
            (0..MOST as i64 + 1).map(|at| version(TaskId::new(), at)).collect();
        let mut delivered = Delivered::default();
        versions.iter().for_each(|version| delivered.note(version));
        delivered.note(&versions[0]);
        let known = |delivered: &Delivered| {
            versions.iter().filter(|version| !delivered.is_new(version)).count()
        };
        assert_eq!(known(&delivered), MOST);
        assert!(delivered.is_new(&versions[0]));
        let bytes = delivered.to_bytes(91);
        assert_eq!(bytes.len(), 10 * BYTES);
        assert_eq!(known(&Delivered::from_bytes(&bytes, 91).unwrap()), 10);
    }

    #[test]
    fn a_time_of_a_clock_that_is_months_ahead_is_remembered_as_one_version_too() {
        let ahead = version(TaskId::new(), i64::from(u32::MAX) + 1000);
        let mut delivered = Delivered::default();
        delivered.note(&ahead);
        let read = Delivered::from_bytes(&delivered.to_bytes(0), 0).unwrap();
        assert!(read.is_new(&ahead), "it comes again rather than not at all");
    }

    #[test]
    fn bytes_from_elsewhere_are_rejected() {
        assert!(Delivered::from_bytes(&[0; BYTES + 1], 0).is_none());
        assert!(Delivered::from_bytes(&vec![0; BYTES * (MOST + 1)], 0).is_none());
        assert!(Delivered::from_bytes(&[255; BYTES], i64::MAX).is_none());
        assert_eq!(Delivered::from_bytes(&[], 0), Some(Delivered::default()));
    }
}
