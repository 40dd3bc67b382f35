//! Lambda on this machine: the real binaries of the functions, driven over the
//! Lambda Runtime API.
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

/// How a function is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The function's name.
    pub name: String,
    /// Its binary.
    pub binary: PathBuf,
    /// A program with its options that runs the binary, if any: a profiler.
    pub wrapper: Vec<String>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// What Lambda would give it, in megabytes. Told to the function, not
    /// enforced.
    pub memory_size: u32,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
}

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function answered this.
    Reply(Bytes),
    /// The function reported this error; it may have panicked.
    Error(Bytes),
    /// The process of the function ended before it answered.
    Crashed,
    /// The function, or the queue in front of it, took too long.
    TimedOut,
}

/// Takes the lines of a function (its name, and what it writes to its standard output
/// and standard error) or of the `gateway`.
pub type LogSink = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// A sink that passes lines on to this process's standard error.
#[must_use]
pub fn to_standard_error() -> LogSink {
    #[expect(clippy::print_stderr, reason = "that is what it is for")]
    let sink = |function: &str, line: &str| {
        // As one piece: standard error has no buffer, so each piece is a write.
        let text = format!("[{function}] {line}\n");
        eprint!("{text}");
    };
    Arc::new(sink)
}

/// The functions. All their processes end when it is dropped.
#[derive(Debug)]
pub struct Lambda {
    pools: Arc<BTreeMap<String, Arc<Pool>>>,
    api: JoinHandle<()>,
}

impl Lambda {
    /// Makes functions ready to be invoked. No process is started before the
    /// first invocation.
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

    /// Sends `event` to the function `name` and waits for what becomes of it.
    ///
    /// # Errors
    ///
    /// If there is no such function.
    pub async fn invoke(&self, name: &str, event: Bytes) -> Result<Outcome> {
        let pool = self.pools.get(name).with_context(|| format!("no function {name}"))?;
        Ok(pool.invoke(event).await)
    }

    /// Waits until a process of the function `name` waits for something to do, and
    /// gives its process id. Starts one if there is none.
    ///
    /// # Errors
    ///
    /// If there is no such function, or it ends before it is ready.
    pub async fn ready(&self, name: &str) -> Result<u32> {
        let pool = self.pools.get(name).with_context(|| format!("no function {name}"))?;
        pool.ready().await.with_context(|| format!("{name} does not start"))
    }

    /// The process ids of a function's running processes.
    #[must_use]
    pub fn processes(&self, name: &str) -> Vec<u32> {
        self.pools.get(name).map(|pool| pool.processes()).unwrap_or_default()
    }

    /// Ends the processes of a function and waits until they are gone. The next
    /// invocation starts anew.
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
