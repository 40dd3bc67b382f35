//! What DynamoDB has done, as its replies tell.

use std::ops::{Add, Sub};

use serde_json::Value;

/// Requests, and what they have read and cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// How many requests it has answered.
    pub requests: u64,
    /// How many items it has read for queries.
    pub items: u64,
    /// The request units of those requests that have asked for them.
    pub units: f64,
}

impl Usage {
    /// What the reply to one request tells.
    pub(super) fn of(reply: &[u8]) -> Usage {
        let reply: Value = serde_json::from_slice(reply).unwrap_or_default();
        let units = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or_default();
        let consumed = &reply["ConsumedCapacity"];
        Usage {
            requests: 1,
            items: reply["ScannedCount"].as_u64().unwrap_or_default(),
            // A request to several tables tells it for each.
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
