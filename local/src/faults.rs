//! A proxy between the functions and DynamoDB. It injects faults, and records what the
//! functions ask for and what DynamoDB charges.

mod executed;
mod handler;
mod meter;
mod permissions;
mod plan;
mod proxy;
mod rates;
mod replies;
mod strays;

pub use handler::DELAY;
pub use meter::Usage;
pub use plan::FaultPlan;
pub use proxy::{FaultProxy, ProxyOptions};
pub use rates::{Fault, Rates};
