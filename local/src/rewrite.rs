//! Brings the stored tasks of a table to what this version would store
//! (`docs/data-model.md`), while the table stays in use.
//!
//! It scans the table in segments side by side, and updates what differs. A task that
//! changes between its read and its update is looked at again as it is then, so a
//! concurrent edit is never overwritten.

mod pace;
mod progress;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, ReturnConsumedCapacity};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use shared::store::{self, StoreError};
use tokio::time::{Instant, sleep};

use pace::Pace;
use progress::{Position, Progress};

/// How many tasks one request reads.
pub const PAGE: u16 = 200;

/// How many tasks of each segment are updated at once.
const UPDATES: usize = 8;

/// The first pause after a failure, and the longest. They double from one to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long DynamoDB may be out of reach. It may throttle for any time.
const PATIENCE: Duration = Duration::from_secs(120);

type Item = HashMap<String, AttributeValue>;

/// What to rewrite, and how fast.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of the table.
    pub table: String,
    /// How many request units to use per second, reads and writes together.
    pub units_per_second: u32,
    /// How many tasks one request reads: [`PAGE`], or fewer.
    pub page: u16,
    /// Where to keep what has been read; `None` to change nothing and only count.
    pub state: Option<PathBuf>,
}

/// What has been done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// How many tasks were read.
    pub read: u64,
    /// How many of them were rewritten, or, in a dry run, would be.
    pub rewritten: u64,
    /// How many were right already.
    pub right: u64,
    /// How many were changed or deleted by others before they could be rewritten, so that
    /// nothing was left to do.
    pub overtaken: u64,
    /// The read units.
    pub read_units: f64,
    /// The write units. DynamoDB does not report those of a refused update.
    pub write_units: f64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { read, rewritten, right, overtaken, read_units, write_units } = self;
        write!(
            f,
            "{read} read: {rewritten} rewritten, {right} right already, {overtaken} overtaken by \
             others; {read_units:.0} read units, {write_units:.0} write units"
        )
    }
}

/// A rewrite of one table. It may be dropped at any time; another one with the same
/// state continues.
#[derive(Debug)]
pub struct Rewrite {
    client: Client,
    plan: Plan,
    progress: Progress,
    pace: Pace,
    totals: Mutex<Totals>,
}

impl Rewrite {
    /// Prepares a rewrite, or its continuation if the plan's state exists.
    ///
    /// # Errors
    ///
    /// If the table cannot be described, or the state belongs to another table or to
    /// another version of this program.
    pub async fn open(client: Client, plan: Plan) -> Result<Rewrite> {
        let described = client.describe_table().table_name(&plan.table).send().await;
        let table = described.map_err(explained)?.table.context("an empty reply")?;
        let id = table.table_id().or(table.table_arn()).context("a table without an id")?;
        let progress = Progress::open(plan.state.clone(), id)?;
        let pace = Pace::new(plan.units_per_second);
        Ok(Rewrite { client, plan, progress, pace, totals: Mutex::default() })
    }

    /// Whether it continues one that was interrupted.
    #[must_use]
    pub fn is_continued(&self) -> bool {
        self.progress.is_continued()
    }

    /// What has been done so far, without what was done before an interruption.
    #[must_use]
    pub fn totals(&self) -> Totals {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads all tasks that have not been read, and rewrites those that need it. Then
    /// deletes the state.
    ///
    /// # Errors
    ///
    /// If DynamoDB rejects a request for another reason than throttling, or cannot be
    /// reached for minutes. The state remains.
    pub async fn run(&self) -> Result<()> {
        try_join_all((0..progress::SEGMENTS).map(|segment| self.segment(segment))).await?;
        self.progress.finish()
    }

    async fn segment(&self, segment: usize) -> Result<()> {
        let mut position = self.progress.of(segment);
        while position != Position::Done {
            let (items, next) = self.page(segment, position).await?;
            stream::iter(items)
                .map(|item| Ok(self.bring_up_to_date(item)))
                .try_for_each_concurrent(UPDATES, |update| update)
                .await?;
            self.progress.advance(segment, next.clone())?;
            position = next;
        }
        Ok(())
    }

    /// Reads the page at `position`, and returns where the next one begins.
    async fn page(&self, segment: usize, position: Position) -> Result<(Vec<Item>, Position)> {
        let scan = self
            .client
            .scan()
            .table_name(&self.plan.table)
            .segment(i32::try_from(segment)?)
            .total_segments(i32::try_from(progress::SEGMENTS)?)
            .set_exclusive_start_key(position.key())
            .projection_expression(store::rewrite_reads())
            .limit(i32::from(self.plan.page))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut attempts = Attempts::new(&self.pace);
        loop {
            match attempts.send(|| scan.clone().send()).await? {
                Ok(page) => {
                    let next = Position::after(page.last_evaluated_key.as_ref())?;
                    let used = self.pace.settle(units(page.consumed_capacity.as_ref()));
                    let items = page.items.unwrap_or_default();
                    let mut totals = self.lock();
                    totals.read_units += used;
                    totals.read += items.len() as u64;
                    return Ok((items, next));
                }
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    async fn bring_up_to_date(&self, mut item: Item) -> Result<()> {
        let mut attempts = Attempts::new(&self.pace);
        let mut is_overtaken = false;
        loop {
            let Some(update) = store::rewrite(&self.client, &self.plan.table, &item) else {
                let mut totals = self.lock();
                // If a reply was lost, the update may be this one.
                match is_overtaken {
                    true if attempts.maybe_done => totals.rewritten += 1,
                    true => totals.overtaken += 1,
                    false => totals.right += 1,
                }
                return Ok(());
            };
            if self.plan.state.is_none() {
                self.lock().rewritten += 1;
                return Ok(());
            }
            match self.update(&mut attempts, update).await? {
                Updated::Done => {
                    self.lock().rewritten += 1;
                    return Ok(());
                }
                Updated::Gone => {
                    self.lock().overtaken += 1;
                    return Ok(());
                }
                Updated::Changed(current) => (item, is_overtaken) = (current, true),
            }
        }
    }

    async fn update(
        &self,
        attempts: &mut Attempts<'_>,
        update: UpdateItemFluentBuilder,
    ) -> Result<Updated> {
        loop {
            let error = match attempts.send(|| update.clone().send()).await? {
                Ok(output) => {
                    let used = self.pace.settle(units(output.consumed_capacity.as_ref()));
                    self.lock().write_units += used;
                    return Ok(Updated::Done);
                }
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    let current = refused.item().cloned();
                    return Ok(current.map_or(Updated::Gone, Updated::Changed));
                }
                _ => attempts.after(error).await?,
            }
        }
    }
}

/// What became of an update.
enum Updated {
    Done,
    /// The task has been deleted.
    Gone,
    /// The task is not as it was read, but like this.
    Changed(Item),
}

/// The attempts at one request, at the pace of all.
struct Attempts<'a> {
    pace: &'a Pace,
    pause: Duration,
    /// Since when DynamoDB has been out of reach.
    silent_since: Option<Instant>,
    /// Whether an attempt without a reply may have been executed.
    maybe_done: bool,
}

impl Attempts<'_> {
    fn new(pace: &Pace) -> Attempts<'_> {
        Attempts { pace, pause: FIRST_PAUSE, silent_since: None, maybe_done: false }
    }

    /// Sends a request when it is its turn.
    async fn send<O, E, F>(&mut self, request: impl Fn() -> F) -> Result<Result<O, E>>
    where
        F: Future<Output = Result<O, E>>,
    {
        self.pace.turn().await;
        Ok(request().await)
    }

    /// Waits after a failure, unless there is no use in it.
    async fn after<E>(&mut self, error: SdkError<E, HttpResponse>) -> Result<()>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if store::is_refused(&error) {
            self.silent_since = None;
            // All slow down.
            self.pace.delay(self.pause);
        } else {
            let silence = self.silent_since.get_or_insert_with(Instant::now).elapsed();
            let text = explained(&error);
            let is_temporary = matches!(StoreError::from(error), StoreError::Unavailable(_));
            if !is_temporary || silence > PATIENCE {
                return Err(text);
            }
            self.maybe_done = true;
            sleep(self.pause).await;
        }
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        Ok(())
    }
}

fn units(consumed: Option<&ConsumedCapacity>) -> f64 {
    consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or_default()
}

/// An error of the SDK with all its causes.
fn explained(error: impl std::error::Error) -> anyhow::Error {
    anyhow!("DynamoDB: {}", DisplayErrorContext(error))
}
