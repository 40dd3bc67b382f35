//! What the functions of the Tasks API share.
//!
//! The modules stand in the order in which a request meets them:
//!
//! 1. [`config`]: the environment variables, read once per cold start;
//! 2. [`auth`]: from an `Authorization` header to a [`User`];
//! 3. [`http`]: from a request to typed input, from a task to a reply, and
//!    [`http::Problem`], the one error that a caller ever sees;
//! 4. [`task`]: the tasks themselves and their rules, with no HTTP and no
//!    DynamoDB;
//! 5. [`store`]: the tasks of one user in DynamoDB;
//! 6. [`telemetry`]: the line that each request leaves in the log.
//!
//! A function's `main` calls [`run`] with its handler; the handler reaches the
//! store only through [`App::tasks`], which asks for the [`User`] that only
//! [`App::authenticate`] can give. An endpoint that forgets to authenticate
//! does not compile.

mod app;
pub mod auth;
pub mod config;
pub mod deadlines;
mod error_chain;
pub mod http;
mod json;
mod runtime;
pub mod store;
pub mod task;
pub mod telemetry;
mod tls;

pub use app::App;
pub use auth::User;
pub use lambda_http::Error;
pub use runtime::{run, run_public};
