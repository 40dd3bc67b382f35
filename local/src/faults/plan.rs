//! Which requests fail, and how.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Fault, Rates};

/// Decides which fault each request meets, and counts the faults.
#[derive(Debug)]
pub struct FaultPlan {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The faults of the next requests, by operation.
    planned: BTreeMap<String, VecDeque<Fault>>,
    /// The rates of faults for all other requests.
    rates: Rates,
    made: BTreeMap<Fault, u64>,
}

impl FaultPlan {
    pub(super) fn new(rates: Rates) -> FaultPlan {
        FaultPlan { state: Mutex::new(State { rates, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans `fault` for the next request of `operation` that has none planned yet.
    pub fn plan(&self, operation: &str, fault: Fault) {
        self.state().planned.entry(operation.to_owned()).or_default().push_back(fault);
    }

    /// Replaces the rates.
    pub fn set_rates(&self, rates: Rates) {
        self.state().rates = rates;
    }

    /// How many faults of each kind have been injected.
    #[must_use]
    pub fn made(&self) -> BTreeMap<Fault, u64> {
        self.state().made.clone()
    }

    /// The fault that the next request of `operation` meets.
    pub(super) fn next(&self, operation: &str) -> Option<Fault> {
        let mut state = self.state();
        let planned = state.planned.get_mut(operation).and_then(VecDeque::pop_front);
        let fault = planned.or_else(|| state.rates.draw(operation))?;
        *state.made.entry(fault).or_default() += 1;
        Some(fault)
    }
}
