//! A bounded load on a deployed API: the requests of [`crate::throughput`], over HTTPS, with
//! tasks that are created and deleted by the API itself.
//!
//! Each endpoint gets the same number of requests and the same share of the time, one
//! endpoint after the other. Some requests are under way at once, each followed by the
//! next one after its reply. Whatever a reply says, the load goes on, and the report counts
//! it. Afterwards, also after an interruption, the tasks that are left are deleted.

mod account;
mod http;
mod report;
mod target;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::join_all;
use local::settings::Settings;
use local::token;
use shared::task::TaskId;

use crate::Progress;
use crate::endpoint::Endpoint;

use account::{Account, Mark};
use http::Http;
use report::Tally;
pub use report::{Report, Row};
pub use target::Target;

/// The least requests of a load: one for each endpoint.
pub const MIN_REQUESTS: u32 = ORDER.len() as u32;

/// The endpoints in the order in which they get their requests.
const ORDER: [Endpoint; Endpoint::ALL.len()] = [
    Endpoint::Health,
    Endpoint::Create,
    Endpoint::List,
    Endpoint::Changes,
    Endpoint::Export,
    Endpoint::Get,
    Endpoint::Update,
    Endpoint::Toggle,
    Endpoint::Restore,
    Endpoint::Batch,
    Endpoint::Tools,
    Endpoint::Delete,
];

/// How long a token is valid after the load, to clean up.
const CLEANUP: Duration = Duration::from_secs(3600);

/// The bounds of the load.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many requests to send, besides one before and those that clean up.
    pub requests: u32,
    /// When to stop sending requests.
    pub duration: Duration,
    /// How many requests to send at once.
    pub concurrency: usize,
}

/// Who sends the requests.
#[derive(Clone, Debug)]
pub enum Identity {
    /// New users, as many as there are requests at once. These settings sign their tokens.
    NewUsers(Settings),
    /// The user of this token.
    Token(String),
}

impl Identity {
    /// Reads the variables that `scripts/smoke.sh` also reads.
    ///
    /// # Errors
    ///
    /// If neither a secret nor a token is set.
    pub fn from_settings(settings: &Settings) -> Result<Identity> {
        if let Some(secret) = settings.get("SMOKE_SECRET") {
            let mut signing = Settings::default().with("BETTER_AUTH_SECRET", secret);
            for (variable, name) in [
                ("SMOKE_ISSUER", "JWT_ISSUER"),
                ("SMOKE_AUDIENCE", "JWT_AUDIENCE"),
                ("SMOKE_CLIENT_ID", "JWT_CLIENT_ID"),
            ] {
                signing = signing.with(name, settings.get(variable).unwrap_or_default());
            }
            return Ok(Identity::NewUsers(signing));
        }
        let token = settings.get("SMOKE_TOKEN").context(
            "neither SMOKE_SECRET, which signs tokens for users of its own, nor SMOKE_TOKEN, \
             a token of your issuer, is set",
        )?;
        Ok(Identity::Token(token.to_owned()))
    }

    /// The accounts that share `concurrency` requests at once, for a load of this length.
    fn accounts(&self, concurrency: usize, duration: Duration) -> Result<Vec<Account>> {
        let mark = Mark::new();
        match self {
            Identity::Token(token) => {
                let name = "the user of SMOKE_TOKEN".to_owned();
                Ok(vec![Account::new(name, token.clone(), mark)])
            }
            Identity::NewUsers(settings) => {
                let run = TaskId::new();
                let account = |number| {
                    let name = format!("load-{run}-{number}");
                    let token = token::sign(settings, None, &name, duration + CLEANUP)?;
                    Ok(Account::new(name, token, mark.clone()))
                };
                (1..=concurrency).map(account).collect()
            }
        }
    }
}

/// Sends the load to `target`. It ends early when the future that `stop` returns is ready;
/// a second one ends the cleanup.
///
/// # Errors
///
/// If the API does not accept the first request, before anything is created. Later failures
/// are in the report, and so are tasks that could not be deleted.
pub async fn run<F: Future<Output = ()>>(
    target: &Target,
    identity: &Identity,
    plan: &Plan,
    stop: impl Fn() -> F,
    progress: Progress<'_>,
) -> Result<Report> {
    let load = Load {
        http: Http::new(target)?,
        accounts: identity.accounts(plan.concurrency, plan.duration)?,
        stopped: AtomicBool::new(false),
    };
    for account in load.accounts.iter().take(1) {
        account.check(&load.http).await?;
    }
    let mut rows = Vec::new();
    let began = Instant::now();
    {
        let mut phases = std::pin::pin!(load.phases(plan, &mut rows, progress));
        tokio::select! {
            () = &mut phases => {}
            () = stop() => {
                load.stopped.store(true, Ordering::Relaxed);
                progress("stopping");
                // What is under way may create a task.
                phases.await;
            }
        }
    }
    let time = began.elapsed();
    progress("deleting what is left");
    let at_once = plan.concurrency.div_ceil(load.accounts.len());
    let clean_up = join_all(load.accounts.iter().map(|it| it.clean_up(&load.http, at_once)));
    tokio::select! {
        _ = clean_up => {}
        () = stop() => {}
    }
    let left = load.accounts.iter().filter_map(Account::left).collect();
    Ok(Report {
        url: target.to_string(),
        concurrency: plan.concurrency,
        time,
        rows,
        was_stopped: load.stopped.into_inner(),
        left,
    })
}

struct Load {
    http: Http,
    accounts: Vec<Account>,
    stopped: AtomicBool,
}

impl Load {
    async fn phases(&self, plan: &Plan, rows: &mut Vec<Row>, progress: Progress<'_>) {
        let (began, phases) = (Instant::now(), ORDER.len() as u32);
        for (number, endpoint) in (1..).zip(ORDER) {
            progress(endpoint.name());
            let until = began + plan.duration * number / phases;
            let start = Instant::now();
            let budget = AtomicU32::new(plan.requests / phases);
            let workers = (0..plan.concurrency).map(|it| self.work(endpoint, it, until, &budget));
            let mut tally = Tally::default();
            join_all(workers).await.into_iter().for_each(|it| tally.add(it));
            rows.push(Row::new(endpoint, tally, start.elapsed()));
        }
    }

    /// Sends one request after the other, until the time or the budget of all is used up or
    /// there is no task left for them.
    async fn work(
        &self,
        endpoint: Endpoint,
        worker: usize,
        until: Instant,
        budget: &AtomicU32,
    ) -> Tally {
        let mut tally = Tally::default();
        let account = self.accounts.get(worker % self.accounts.len());
        let Some(account) = account else { return tally };
        let less = |left: u32| left.checked_sub(1);
        while Instant::now() < until
            && !self.stopped.load(Ordering::Relaxed)
            && budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
        {
            let Some((task, call)) = account.request(endpoint) else {
                // For those who still have a task.
                budget.fetch_add(1, Ordering::Relaxed);
                break;
            };
            let start = Instant::now();
            let reply = self.http.send(account.token(), &call).await.ok();
            tally.record(endpoint, start.elapsed(), reply.as_ref());
            account.learn(endpoint, task, reply.as_ref());
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_has_every_endpoint() {
        assert!(Endpoint::ALL.iter().all(|endpoint| ORDER.contains(endpoint)));
    }
}
