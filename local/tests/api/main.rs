//! The API as its clients see it: HTTP through the gateway, the real function
//! binaries and DynamoDB.

#![allow(clippy::unwrap_used, reason = "in a test, what fails is the message")]

mod account;
mod bad_input;
mod batch;
mod changes;
mod client_ids;
mod concurrency;
mod conditional;
mod cors;
mod document;
mod due;
mod events;
mod faults;
mod histories;
mod hostile;
mod idempotency;
mod isolation;
mod key_sets;
mod life;
mod list;
mod logs;
mod mcp;
mod odd_requests;
mod outages;
mod permissions;
mod races;
mod smoke;
mod support;
mod tasks;
mod tls;
mod tokens;
mod trash;
