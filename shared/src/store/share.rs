//! How a merged list divides over its two halves.
//!
//! A page of a merged list takes an unknown number of rows from each half. To
//! be sure of one round trip, each half would have to be read as if all rows
//! came from it: two rows read for each that is given out. But the pages of a
//! walk resemble each other, so the cursor carries how the pages before were
//! divided, and each half is read as far as that makes probable. Where it was
//! wrong (a run of completed tasks begins, say), the half that ran out is read
//! once more.

use serde::{Deserialize, Serialize};

/// The rows of the first half among all rows that were given out lately.
///
/// It comes back from the client, so it may be anything: the worst that it can
/// do is a second round trip.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Share(u16, u16);

impl Share {
    /// How many rows to read from each half for a page of `limit` rows: enough
    /// for all but one page in some hundreds, if the list goes on as it was.
    pub(super) fn reads(self, limit: usize) -> (usize, usize) {
        let Share(first, all) = self;
        if all == 0 || first > all {
            // One row more than the page has, to see whether more follow: in
            // the half of the pending tasks, where most users have most.
            return (limit + 1, limit);
        }
        let (rows, known) = (limit as f64, f64::from(all));
        // The rule of succession: no half is ever thought to be empty.
        let part = (f64::from(first) + 1.0) / (known + 2.0);
        // Three standard deviations of the rows to come, of which those of the
        // past are a sample themselves.
        let spread = 3.0 * (rows * part * (1.0 - part) * (1.0 + rows / known)).sqrt() + 1.0;
        let reads = |expected: f64| ((expected + spread).ceil() as usize).min(limit + 1);
        (reads(rows * part), reads(rows * (1.0 - part)))
    }

    /// After a page that took so many rows from each half. All pages before it
    /// together count no more than it does, so that a list that changes its
    /// nature is followed at once.
    pub(super) fn after(self, (first, second): (usize, usize)) -> Share {
        let page = (first + second) as f64;
        let scale = (page / f64::from(self.1).max(1.0)).min(1.0);
        let sum = |before: u16, now: usize| (f64::from(before) * scale).round() as u16 + now as u16;
        Share(sum(self.0, first), sum(self.1, first + second))
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn nothing_known_means_to_read_as_if_all_came_from_either_half() {
        assert_eq!(Share::default().reads(20), (21, 20));
        assert_eq!(Share(2, 1).reads(20), (21, 20));
    }

    #[test]
    fn a_list_that_is_all_in_one_half_is_hardly_read_in_the_other() {
        let pending = Share::default().after((100, 0)).after((100, 0));
        let (first, second) = pending.reads(100);
        assert_eq!(first, 101);
        assert!((1..=8).contains(&second), "{second}");
    }

    #[test]
    fn a_mixed_list_is_read_by_its_mixture() {
        let (first, second) = Share::default().after((134, 66)).reads(100);
        assert!((70..=90).contains(&first), "{first}");
        assert!((40..=60).contains(&second), "{second}");
        assert!(first + second > 100);
    }

    #[test]
    fn a_list_that_changes_its_nature_is_followed_within_a_page() {
        let pending = Share::default().after((20, 0)).after((20, 0)).after((20, 0));
        assert!(pending.reads(20).1 < 20, "{pending:?}");
        assert!(pending.after((0, 20)).reads(20).1 >= 20, "{pending:?}");
        assert!(pending.after((0, 20)).after((0, 20)).after((0, 20)).reads(20).0 < 20);
    }

    #[test]
    fn whatever_comes_back_reads_at_least_a_row_and_at_most_a_page_and_one() {
        for first in [0, 1, 7, 200, u16::MAX] {
            for all in [0, 1, 7, 200, u16::MAX] {
                for limit in [1, 20, 1000] {
                    let (a, b) = Share(first, all).reads(limit);
                    assert!((1..=limit + 1).contains(&a) && (1..=limit + 1).contains(&b));
                }
            }
        }
    }
}
