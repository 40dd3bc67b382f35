//! Lambda on this machine: runs the functions' real binaries over the Lambda Runtime API.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

mod pool;
mod process;
mod runtime_api;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::serve::Listener;
use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::listener;

use pool::Pool;
pub use process::PATH;

/// How to start a function.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The function's name.
    pub name: String,
    /// Its binary.
    pub binary: PathBuf,
    /// A program that runs the binary, such as a profiler, with its options; may be empty.
    pub wrapper: Vec<String>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Its memory size in megabytes. The function sees it; nothing enforces it.
    pub memory_size: u32,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
}

/// The outcome of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function returned this reply.
    Reply(Bytes),
    /// The function reported this error, for example a panic.
    Error(Bytes),
    /// The function's process ended before it answered.
    Crashed,
    /// The function took too long, or no process became free in time.
    TimedOut,
}

/// Receives log lines: the name of a function and a line of its standard output or standard
/// error, or `gateway` and a line of the gateway.
pub type LogSink = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// A sink that writes lines to this process's standard error.
#[must_use]
pub fn to_standard_error() -> LogSink {
    #[expect(clippy::print_stderr, reason = "this is where the lines go")]
    let sink = |function: &str, line: &str| {
        // One string: standard error is unbuffered, and several writes could interleave.
        let text = format!("[{function}] {line}\n");
        eprint!("{text}");
    };
    Arc::new(sink)
}

/// The functions. Dropping it ends all their processes.
#[derive(Debug)]
pub struct Lambda {
    pools: Arc<BTreeMap<String, Arc<Pool>>>,
    api: JoinHandle<()>,
}

impl Lambda {
    /// Prepares functions for invocation. The first invocation of each starts a process.
    ///
    /// # Errors
    ///
    /// If there is no free port for the Runtime API.
    pub async fn start(launches: Vec<Launch>, logs: LogSink) -> Result<Lambda> {
        let listener = listener::listen(0).await?;
        let address: SocketAddr = listener.local_addr()?;
        let pool = |launch: Launch| (launch.name.clone(), Pool::new(launch, address, logs.clone()));
        let pools: Arc<BTreeMap<_, _>> = Arc::new(launches.into_iter().map(pool).collect());
        let router = runtime_api::router(pools.clone());
        let api = tokio::spawn(async move {
            // Serving ends only with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Lambda { pools, api })
    }

    /// Sends `event` to the function `name` and waits for the outcome.
    ///
    /// # Errors
    ///
    /// If there is no such function.
    pub async fn invoke(&self, name: &str, event: Bytes) -> Result<Outcome> {
        let pool = self.pools.get(name).with_context(|| format!("no function {name}"))?;
        Ok(pool.invoke(event).await)
    }

    /// Waits until a process of the function `name` is idle, and returns its process id.
    /// Starts a process if there is none.
    ///
    /// # Errors
    ///
    /// If there is no such function, or the process ends before it is ready.
    pub async fn ready(&self, name: &str) -> Result<u32> {
        let pool = self.pools.get(name).with_context(|| format!("no function {name}"))?;
        pool.ready().await.with_context(|| format!("{name} did not start"))
    }

    /// The ids of a function's running processes.
    #[must_use]
    pub fn processes(&self, name: &str) -> Vec<u32> {
        self.pools.get(name).map(|pool| pool.processes()).unwrap_or_default()
    }

    /// Ends the processes of a function and waits until they are gone. The next invocation
    /// starts a new one.
    pub async fn stop_processes(&self, name: &str) {
        if let Some(pool) = self.pools.get(name) {
            pool.end_processes().await;
        }
    }

    /// Ends all processes and waits until they are gone.
    pub async fn stop(&self) {
        for pool in self.pools.values() {
            pool.stop().await;
        }
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.api.abort();
        for pool in self.pools.values() {
            pool.kill_all();
        }
    }
}
