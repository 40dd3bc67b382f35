//! Spreads requests over time, by what they cost.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What a request is expected to cost: about a page, or an update of a task with its
/// indexes. What it does cost is settled afterwards.
const EXPECTED: f64 = 8.0;

/// Admits requests so that together they use a number of units per second.
#[derive(Debug)]
pub(super) struct Pace {
    rate: f64,
    /// When the next request may begin.
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(units_per_second: u32) -> Pace {
        Pace { rate: f64::from(units_per_second), next: Mutex::new(Instant::now()) }
    }

    fn next(&self) -> MutexGuard<'_, Instant> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another request may begin.
    pub(super) async fn turn(&self) {
        let turn = self.book(Instant::now());
        sleep_until(turn).await;
    }

    /// Returns when a request may begin that is ready at `now`.
    fn book(&self, now: Instant) -> Instant {
        let mut next = self.next();
        // Time that nobody has used is not saved up.
        let turn = now.max(*next);
        *next = turn + Duration::from_secs_f64(EXPECTED / self.rate);
        turn
    }

    /// Adds to the time of the next request what the last one has cost more than expected,
    /// or subtracts what it has cost less. Returns the cost.
    pub(super) fn settle(&self, units: f64) -> f64 {
        let difference = Duration::from_secs_f64((units - EXPECTED).abs() / self.rate);
        let mut next = self.next();
        *next = match units > EXPECTED {
            true => *next + difference,
            false => next.checked_sub(difference).unwrap_or(*next),
        };
        units
    }

    /// Delays all further requests.
    pub(super) fn delay(&self, pause: Duration) {
        let mut next = self.next();
        *next = (Instant::now() + pause).max(*next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_use_the_units_of_a_second_and_no_more() {
        let pace = Pace::new(100);
        let start = Instant::now();
        let mut last = start;
        for units in [8.0, 0.5, 40.0, 8.0].into_iter().cycle().take(80) {
            last = pace.book(start);
            pace.settle(units);
        }
        // 20 times 56.5 units at 100 a second, but for the last one's.
        let seconds = (last - start).as_secs_f64();
        assert!((11.1..=11.3).contains(&seconds), "{seconds}");
    }

    #[test]
    fn unused_time_is_not_saved_up() {
        let pace = Pace::new(8);
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(pace.book(later), later);
        assert_eq!(pace.book(later), later + Duration::from_secs(1));
    }

    #[test]
    fn a_delay_holds_for_all() {
        let pace = Pace::new(1_000_000);
        let start = Instant::now();
        pace.delay(Duration::from_secs(3));
        for _ in 0..2 {
            assert!(pace.book(start) - start >= Duration::from_secs(3));
        }
    }
}
