//! The faults, and how often each of them happens.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};

/// What can go wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// DynamoDB throttles it.
    Throttle,
    /// DynamoDB fails before it executes it.
    Error,
    /// The connection closes before it is executed.
    Drop,
    /// It is executed, and the connection closes before the reply.
    LostReply,
    /// It is held back, and executed only if the client still waits.
    Delay,
    /// The connection closes in the middle of the reply.
    Cut,
    /// The reply is HTML.
    Garbage,
    /// It is held back, and executed even if the client has given up.
    Late,
    /// The connection closes at once. The request is executed after some later ones of
    /// the same operation.
    Stray,
    /// Another transaction is using the same item. Only transactions and writes
    /// meet this.
    Conflict,
}

impl Fault {
    /// The faults that can happen to any request.
    pub const ALL: [Fault; 7] = [
        Fault::Throttle,
        Fault::Error,
        Fault::Drop,
        Fault::LostReply,
        Fault::Delay,
        Fault::Cut,
        Fault::Garbage,
    ];

    const OTHERS: [Fault; 3] = [Fault::Late, Fault::Stray, Fault::Conflict];

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

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Fault> {
        let all = || Fault::ALL.into_iter().chain(Fault::OTHERS);
        all().find(|fault| fault.as_str() == name).with_context(|| {
            let names: Vec<&str> = all().map(Fault::as_str).collect();
            format!("{name} is not one of {}", names.join(", "))
        })
    }
}

/// How often each fault happens: `lost-reply=0.2,UpdateItem:throttle=0.1`.
#[derive(Clone, Debug, Default)]
pub struct Rates(Vec<Rate>);

#[derive(Clone, Debug)]
struct Rate {
    /// The operation, or `None` for all of them.
    operation: Option<String>,
    fault: Fault,
    /// From 0 to 1.
    probability: f64,
}

impl Rates {
    /// Draws the fault, if any, of one request of `operation`.
    pub(super) fn draw(&self, operation: &str) -> Option<Fault> {
        let applies = |rate: &&Rate| rate.operation.as_deref().is_none_or(|only| only == operation);
        let mut rates = self.0.iter().filter(applies);
        rates.find(|rate| fastrand::f64() < rate.probability).map(|rate| rate.fault)
    }
}

impl FromStr for Rates {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Rates> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        parts.map(str::parse).collect::<Result<_>>().map(Rates)
    }
}

impl FromStr for Rate {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Rate> {
        let (what, probability) =
            text.split_once('=').with_context(|| format!("{text} has no ="))?;
        let (operation, fault) = match what.split_once(':') {
            Some((operation, fault)) => (Some(operation.to_owned()), fault),
            None => (None, what),
        };
        let (fault, probability) = (fault.parse()?, probability.parse()?);
        ensure!((0.0..=1.0).contains(&probability), "{probability} is not from 0 to 1");
        Ok(Rate { operation, fault, probability })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_parsed() {
        let rates: Rates = "lost-reply=0.2,UpdateItem:throttle=1".parse().unwrap();
        assert_eq!(rates.0.len(), 2);
        assert_eq!(rates.0[1].operation.as_deref(), Some("UpdateItem"));
        for bad in ["lost-reply", "nonsense=0.1", "drop=2", "drop=x"] {
            assert!(bad.parse::<Rates>().is_err(), "{bad}");
        }
    }
}
