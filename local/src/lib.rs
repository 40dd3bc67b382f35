//! The Tasks API on a developer's machine.
//!
//! [`Server`] puts an API Gateway ([`gateway`]) in front of the real function
//! binaries ([`lambda`]) in front of an embedded DynamoDB ([`dynamodb`]).
//! Routes, CORS, timeouts and tables come from `template.yaml`
//! ([`template`]), settings from the environment and `.env` ([`settings`]).
//! The tests use the same parts.

pub mod bench;
pub mod binaries;
pub mod certificates;
pub mod cost;
mod document;
pub mod dynamodb;
pub mod faults;
pub mod fixtures;
pub mod gateway;
pub mod issuer;
pub mod lambda;
pub mod load;
mod loopback;
mod origins;
mod plot;
pub mod process;
pub mod seed;
mod server;
pub mod settings;
pub mod soak;
pub mod tables;
pub mod template;
pub mod token;
pub mod yaml;

pub use server::{Backend, DAY, DEMO_USER, IDEMPOTENCY_TABLE, Options, Server, TASKS_TABLE};
