//! The Tasks API on a developer's machine.
//!
//! [`Server`] runs an API Gateway ([`gateway`]), the real function binaries ([`lambda`]) and
//! an embedded DynamoDB ([`dynamodb`]). Routes, CORS, timeouts and tables come from
//! `template.yaml` ([`template`]), settings from the environment and `.env` ([`settings`]).
//! The tests and the crate `lab` use the same parts.

pub mod binaries;
pub mod certificates;
pub mod cli;
pub mod dynamodb;
pub mod event_tasks;
pub mod faults;
pub mod gateway;
pub mod import;
pub mod issuer;
mod jws;
pub mod lambda;
pub mod listener;
mod origins;
pub mod rewrite;
pub mod seed;
mod server;
pub mod settings;
pub mod tables;
pub mod template;
pub mod token;
pub mod yaml;

pub use server::{
    Backend, DAY, DEMO_USER, IDEMPOTENCY_TABLE, Options, Server, TASKS_TABLE, launch,
};
