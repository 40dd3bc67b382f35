//! What DynamoDB has read and charged, according to its replies.

use std::ops::{Add, Sub};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Adds up what replies report.
#[derive(Debug, Default)]
pub(super) struct Meter {
    usage: Mutex<Usage>,
}

impl Meter {
    pub(super) fn record(&self, reply: &[u8]) {
        // Parsed before the lock: replies may be a megabyte.
        let of_reply = Usage::of(reply);
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        *usage = *usage + of_reply;
    }

    pub(super) fn usage(&self) -> Usage {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number of requests, and what they have read and cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// How many requests DynamoDB has answered.
    pub requests: u64,
    /// How many items it has read for queries.
    pub items: u64,
    /// The request units, of requests that ask DynamoDB to report them.
    pub units: f64,
}

impl Usage {
    /// The usage that the reply to one request reports.
    fn of(reply: &[u8]) -> Usage {
        let reply: Value = serde_json::from_slice(reply).unwrap_or_default();
        let units = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or_default();
        let consumed = &reply["ConsumedCapacity"];
        Usage {
            requests: 1,
            items: reply["ScannedCount"].as_u64().unwrap_or_default(),
            // A transaction reports them for each table.
            units: match consumed.as_array() {
                Some(tables) => tables.iter().map(units).sum(),
                None => units(consumed),
            },
        }
    }
}

impl Add for Usage {
    type Output = Usage;

    fn add(self, other: Usage) -> Usage {
        Usage {
            requests: self.requests + other.requests,
            items: self.items + other.items,
            units: self.units + other.units,
        }
    }
}

impl Sub for Usage {
    type Output = Usage;

    fn sub(self, earlier: Usage) -> Usage {
        Usage {
            requests: self.requests - earlier.requests,
            items: self.items - earlier.items,
            units: self.units - earlier.units,
        }
    }
}
