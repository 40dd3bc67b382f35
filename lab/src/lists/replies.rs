//! What replies cost.

use local::faults::Usage;

use super::client::Answer;

/// What one or more replies of the API cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Replies {
    /// How many there are.
    pub count: u64,
    /// Tasks or changes in them.
    pub returned: usize,
    /// Requests to DynamoDB.
    pub requests: u64,
    /// Items that DynamoDB has read.
    pub read: u64,
    /// What the requests cost, in request units.
    pub units: f64,
    /// The size of the bodies.
    pub bytes: usize,
    /// The function's processor time, in microseconds.
    pub processor: f64,
    /// The time from request to reply, in microseconds.
    pub latency: f64,
}

impl Replies {
    /// What one reply costs that returned so much.
    pub(super) fn one(answer: &Answer, returned: usize, usage: &Usage) -> Replies {
        Replies {
            count: 1,
            returned,
            requests: usage.requests,
            read: usage.items,
            units: usage.units,
            bytes: answer.body.len(),
            processor: answer.processor,
            latency: answer.latency,
        }
    }

    pub(super) fn add(&mut self, other: &Replies) {
        let Replies { count, returned, requests, read, units, bytes, processor, latency } = other;
        self.count += count;
        self.returned += returned;
        self.requests += requests;
        self.read += read;
        self.units += units;
        self.bytes += bytes;
        self.processor += processor;
        self.latency += latency;
    }
}
