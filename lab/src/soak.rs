//! Many users work at once. Each keeps a model of the replies that it got, and compares it
//! with what is stored.

mod user;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use local::settings::Settings;
use local::{Server, tables};

use user::SoakUser;

/// The parameters of a soak.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long it runs.
    pub duration: Duration,
    /// How many users there are.
    pub users: usize,
    /// How often to kill a process of a function, if at all.
    pub kill_every: Option<Duration>,
}

/// What happened so far.
#[derive(Debug, Default)]
pub struct Report {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Writes without a reply that says whether they were executed.
    unknown: AtomicU64,
    kills: AtomicU64,
    violations: Mutex<Vec<String>>,
}

impl Report {
    fn count(&self, operation: &'static str, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((operation, status)).or_default() += 1;
    }

    fn violation(&self, what: String) {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// How many requests got a reply.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// How many writes have an unknown outcome.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    /// Where the stored tasks differ from what was acknowledged.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((operation, status), count) in &*requests {
            writeln!(f, "{count:>9}  {operation} {status}")?;
        }
        writeln!(f, "{:>9}  functions killed", self.kills.load(Ordering::Relaxed))?;
        writeln!(f, "{:>9}  unknown outcomes", self.unknown())?;
        write!(f, "{:>9}  violations", self.violations().len())
    }
}

/// Runs `plan` against `server`.
///
/// # Errors
///
/// If the server or its DynamoDB cannot be reached at all.
pub async fn run(
    server: &Server,
    settings: &Settings,
    plan: &Plan,
    report: &Arc<Report>,
) -> Result<()> {
    let until = Instant::now() + plan.duration;
    // Bypasses the faults, to see what is really stored.
    let store = tables::store(tables::client(&server.backend().embedded_url()));
    let users = (0..plan.users).map(|number| {
        let (store, report) = (store.clone(), report.clone());
        async move {
            let mut user = SoakUser::new(server.url(), settings, number, store, report).await?;
            while Instant::now() < until {
                user.step().await?;
            }
            user.compare().await
        }
    });
    let killing = kill(server, plan.kill_every, until, report);
    tokio::try_join!(try_join_all(users), killing)?;
    Ok(())
}

/// Kills a random process of a function at each interval.
async fn kill(
    server: &Server,
    every: Option<Duration>,
    until: Instant,
    report: &Report,
) -> Result<()> {
    let Some(every) = every else { return Ok(()) };
    let backend = server.backend();
    while Instant::now() + every < until {
        tokio::time::sleep(every).await;
        let functions = backend.template().functions.iter();
        let running = functions.flat_map(|function| backend.lambda().processes(&function.name));
        if let Some(process) = fastrand::choice(running.collect::<Vec<_>>()) {
            let command = format!("kill -9 {process}");
            report.kills.fetch_add(1, Ordering::Relaxed);
            let mut kill = tokio::process::Command::new("sh");
            kill.args(["-c", &command]).stderr(std::process::Stdio::null()).status().await?;
        }
    }
    Ok(())
}
