//! How many requests DynamoDB has executed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts the requests that DynamoDB has executed, by operation.
#[derive(Debug, Default)]
pub(super) struct Executed {
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Executed {
    /// Counts one request of `operation` and returns the new count.
    pub(super) fn add(&self, operation: &str) -> u64 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(operation.to_owned()).or_default();
        *count += 1;
        *count
    }

    pub(super) fn count(&self, operation: &str) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(operation).copied().unwrap_or_default()
    }
}
