//! The API as its clients see it: HTTP through the gateway, the real function
//! binaries and DynamoDB.

mod bad_input;
mod concurrency;
mod conditional;
mod events;
mod isolation;
mod life;
mod list;
mod outages;
mod support;
mod tasks;
mod tokens;
