//! The code that the functions of the Tasks API share.
//!
//! The modules, in the order in which a request passes through them:
//!
//! 1. [`config`]: the environment variables, read once per cold start;
//! 2. [`auth`]: from an `Authorization` header to a [`User`];
//! 3. [`http`]: requests to typed input, tasks to replies, and [`http::Problem`], the
//!    only error that a caller sees;
//! 4. [`task`]: tasks and their rules, without HTTP or DynamoDB;
//! 5. [`store`]: the tasks of one user in DynamoDB;
//! 6. [`telemetry`]: the log line of each request.
//!
//! A function's `main` calls [`run`] with its handler. The handler reaches the store only
//! through [`App::tasks`], which requires a [`User`], and only [`App::authenticate`]
//! returns one. An endpoint that forgets to authenticate does not compile.

mod app;
pub mod auth;
pub mod config;
pub mod deadlines;
mod error_chain;
pub mod http;
mod json;
mod record;
mod runtime;
pub mod store;
pub mod task;
pub mod telemetry;
mod tls;

pub use app::App;
pub use auth::User;
pub use lambda_http::Error;
pub use runtime::{run, run_public};
