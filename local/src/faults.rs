//! Faults between the functions and DynamoDB, made on purpose.

mod proxy;
mod usage;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::oneshot;

use crate::template::Permission;

pub use proxy::FaultProxy;
pub use usage::Usage;

/// How long [`Fault::Delay`] holds a request back: longer than the functions
/// wait for one attempt.
pub const DELAY: Duration = Duration::from_secs(3);

/// What can go wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// DynamoDB refuses it for the moment.
    Throttle,
    /// DynamoDB fails before it is executed.
    Error,
    /// The connection ends before it is executed.
    Drop,
    /// The connection ends after it was executed.
    LostReply,
    /// It arrives late, if anybody still waits.
    Delay,
    /// The connection ends in the middle of the reply.
    Cut,
    /// The reply is something else.
    Garbage,
    /// It arrives late, also if nobody waits any more.
    Late,
    /// The connection ends at once, and the request arrives behind some later
    /// ones of its operation.
    Stray,
    /// Another transaction is at work on the same item. Only transactions and
    /// writes meet this.
    Conflict,
}

impl Fault {
    /// What can happen to any request.
    pub const ALL: [Fault; 7] = [
        Fault::Throttle,
        Fault::Error,
        Fault::Drop,
        Fault::LostReply,
        Fault::Delay,
        Fault::Cut,
        Fault::Garbage,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Fault::Throttle => "throttle",
            Fault::Error => "error",
            Fault::Drop => "drop",
            Fault::LostReply => "lost-reply",
            Fault::Delay => "delay",
            Fault::Cut => "cut",
            Fault::Garbage => "garbage",
            Fault::Late => "late",
            Fault::Stray => "stray",
            Fault::Conflict => "conflict",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often what goes wrong: `lost-reply=0.2,UpdateItem:throttle=0.1`.
#[derive(Clone, Debug, Default)]
pub struct Rates(Vec<Rate>);

#[derive(Clone, Debug)]
struct Rate {
    /// The operation; any if there is none.
    operation: Option<String>,
    fault: Fault,
    /// From 0 to 1.
    probability: f64,
}

impl FromStr for Rates {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Rates> {
        let rate = |part: &str| {
            let (what, probability) =
                part.split_once('=').with_context(|| format!("{part} has no ="))?;
            let (operation, name) = match what.split_once(':') {
                Some((operation, name)) => (Some(operation.to_owned()), name),
                None => (None, what),
            };
            let others = [Fault::Late, Fault::Stray, Fault::Conflict];
            let mut all = Fault::ALL.into_iter().chain(others);
            let fault = all.clone().find(|fault| fault.as_str() == name);
            let fault = fault.with_context(|| {
                let names: Vec<&str> = all.by_ref().map(Fault::as_str).collect();
                format!("{name} is none of {}", names.join(", "))
            })?;
            let probability: f64 = probability.parse()?;
            if !(0.0..=1.0).contains(&probability) {
                bail!("{probability} is not from 0 to 1");
            }
            Ok(Rate { operation, fault, probability })
        };
        text.split(',').filter(|part| !part.is_empty()).map(rate).collect::<Result<_>>().map(Rates)
    }
}

/// Decides what goes wrong, and counts it.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rates: Rates,
    /// Faults of the next requests of an operation.
    planned: BTreeMap<String, VecDeque<Fault>>,
    made: BTreeMap<Fault, u64>,
    executed: BTreeMap<String, u64>,
    /// Requests that are not to arrive yet.
    strays: Vec<Stray>,
    /// How many requests have gone astray and were not answered yet.
    astray: usize,
    /// What DynamoDB has done, if somebody wants to know.
    usage: Option<Usage>,
    /// What each function has asked for.
    asked: BTreeMap<String, BTreeSet<Permission>>,
}

/// A request that is under way when nobody waits for it any more.
#[derive(Debug)]
struct Stray {
    operation: String,
    /// It arrives once so many requests of its operation have been executed.
    after: u64,
    arrive: oneshot::Sender<()>,
}

impl Faults {
    /// Faults at these rates.
    #[must_use]
    pub fn at(rates: Rates) -> Faults {
        Faults { state: Mutex::new(State { rates, ..State::default() }) }
    }

    /// No faults, but counts what DynamoDB reads and charges.
    #[must_use]
    pub fn metered() -> Faults {
        let usage = Some(Usage::default());
        Faults { state: Mutex::new(State { usage, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request of `operation` fails so; further calls are for those
    /// behind it.
    pub fn plan(&self, operation: &str, fault: Fault) {
        self.state().planned.entry(operation.to_owned()).or_default().push_back(fault);
    }

    /// From now on faults come at these rates.
    pub fn set_rates(&self, rates: Rates) {
        self.state().rates = rates;
    }

    /// How many faults of each kind there were.
    #[must_use]
    pub fn made(&self) -> BTreeMap<Fault, u64> {
        self.state().made.clone()
    }

    /// How many requests of `operation` DynamoDB has got.
    #[must_use]
    pub fn executed(&self, operation: &str) -> u64 {
        self.state().executed.get(operation).copied().unwrap_or_default()
    }

    /// How many stray requests DynamoDB has not answered yet.
    #[must_use]
    pub fn strays(&self) -> usize {
        self.state().astray
    }

    /// Lets all stray requests arrive now.
    pub fn deliver_strays(&self) {
        for stray in std::mem::take(&mut self.state().strays) {
            // Nobody receives it once the proxy is gone.
            let _ = stray.arrive.send(());
        }
    }

    /// Notes a stray request of `operation`. It may arrive when the receiver says
    /// so.
    fn stray(&self, operation: &str) -> oneshot::Receiver<()> {
        let (arrive, may_arrive) = oneshot::channel();
        // Mostly soon, so that it meets its own repetitions, and sometimes late.
        let overtaking = 1 << fastrand::u32(0..7);
        let after = self.executed(operation) + overtaking;
        let operation = operation.to_owned();
        let mut state = self.state();
        state.strays.push(Stray { operation, after, arrive });
        state.astray += 1;
        may_arrive
    }

    fn count_arrived(&self) {
        self.state().astray -= 1;
    }

    /// What DynamoDB has done so far; nothing without [`Faults::metered`].
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.state().usage.unwrap_or_default()
    }

    /// What each function has asked DynamoDB for, by its name.
    #[must_use]
    pub fn asked(&self) -> BTreeMap<String, BTreeSet<Permission>> {
        self.state().asked.clone()
    }

    fn note(&self, function: &str, permissions: Vec<Permission>) {
        self.state().asked.entry(function.to_owned()).or_default().extend(permissions);
    }

    /// What goes wrong with a request of `operation`.
    fn next(&self, operation: &str) -> Option<Fault> {
        let mut state = self.state();
        let planned = state.planned.get_mut(operation).and_then(VecDeque::pop_front);
        let fault = planned.or_else(|| {
            let fitting = state
                .rates
                .0
                .iter()
                .filter(|rate| rate.operation.as_deref().is_none_or(|only| only == operation));
            let mut by_chance = fitting.filter(|rate| fastrand::f64() < rate.probability);
            by_chance.next().map(|rate| rate.fault)
        });
        if let Some(fault) = fault {
            *state.made.entry(fault).or_default() += 1;
        }
        fault
    }

    fn count_usage(&self, reply: &[u8]) {
        // Replies may be a megabyte.
        if self.state().usage.is_some() {
            let usage = Usage::of(reply);
            let mut state = self.state();
            state.usage = state.usage.map(|before| before + usage);
        }
    }

    fn count_executed(&self, operation: &str) {
        let mut state = self.state();
        let executed = state.executed.entry(operation.to_owned()).or_default();
        *executed += 1;
        let executed = *executed;
        let arriving = |stray: &mut Stray| stray.operation == operation && stray.after <= executed;
        for stray in state.strays.extract_if(.., arriving) {
            let _ = stray.arrive.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let rates: Rates = "lost-reply=0.2,UpdateItem:throttle=1".parse().unwrap();
        assert_eq!(rates.0.len(), 2);
        assert_eq!(rates.0[1].operation.as_deref(), Some("UpdateItem"));
        for bad in ["lost-reply", "nonsense=0.1", "drop=2", "drop=x"] {
            assert!(bad.parse::<Rates>().is_err(), "{bad}");
        }
    }
}
