//! The rules for retries: what to retry, after which failure, for how long.
//!
//! The network may lose a reply after the write was executed, and on Lambda a pooled
//! connection may die while the function is frozen. The SDK would retry without knowing
//! whether that is safe, and without reporting it. So its retries are off (`client.rs`),
//! and this module decides on every retry. It retries after two kinds of failure:
//!
//! - *Refused*: DynamoDB throttled the request, or there was no connection to send it on.
//!   It was not executed.
//! - *Ambiguous*: a server error, or no usable reply. It may have been executed, or may
//!   yet be.
//!
//! Both are retried, whatever the request: a write that was already executed recognises
//! itself. A create finds its own id, an update or a delete finds its id in the item
//! (`once.rs`).
//!
//! If time runs out after an ambiguous failure, the outcome is unknown, and the error
//! says so.

use std::error::Error;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::error::{REFUSALS, StoreError};
use super::usage::{self, Consumed};
use crate::deadlines::LAST_START;
use crate::tls;

/// The most times that a request is sent.
const MAX_ATTEMPTS: u32 = 5;

/// The pause before the second attempt; it doubles from then on. Actual pauses are
/// between half of it and all of it, so that clients throttled together do not retry
/// together.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What a failure says about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It was not executed. A retry may succeed.
    Refused,
    /// It may or may not have been executed.
    Ambiguous,
    /// It was not executed. A retry would fail too.
    Final,
}

/// Classifies a failure.
pub(super) fn sort<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Failure {
    match error {
        SdkError::ConstructionFailure(_) => Failure::Final,
        SdkError::DispatchFailure(failure)
            if failure.as_connector_error().is_some_and(tls::was_not_sent) =>
        {
            Failure::Refused
        }
        SdkError::ServiceError(context) => match context.err().code() {
            Some(code) if REFUSALS.contains(&code) => Failure::Refused,
            _ if context.raw().status().is_client_error() => Failure::Final,
            // DynamoDB failed, or something else replied in its place.
            _ => Failure::Ambiguous,
        },
        _ => Failure::Ambiguous,
    }
}

/// The attempts at one request.
pub(super) struct Attempts {
    began: Instant,
    count: u32,
    maybe_done: bool,
}

impl Attempts {
    /// Returns the attempts at a request that began at `began`.
    pub(super) fn since(began: Instant) -> Attempts {
        Attempts { began, count: 0, maybe_done: false }
    }

    /// Whether a failed attempt may have been executed.
    pub(super) fn maybe_done(&self) -> bool {
        self.maybe_done
    }

    /// Waits until the next attempt after this failure. Returns `false` if there should
    /// be none.
    pub(super) async fn another(&mut self, failure: Failure) -> bool {
        self.count += 1;
        self.maybe_done |= failure == Failure::Ambiguous;
        let pause = FIRST_PAUSE * 2_u32.pow(self.count - 1);
        let pause = pause.mul_f64(0.5 + 0.5 * fraction());
        let is_over = failure == Failure::Final
            || self.count == MAX_ATTEMPTS
            || self.began.elapsed() + pause > LAST_START;
        if !is_over {
            tokio::time::sleep(pause).await;
        }
        !is_over
    }

    /// Returns the error for a request that gets no further attempt.
    pub(super) fn unavailable(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        self.tell(StoreError::Unavailable(cause.into()))
    }

    /// Returns the error for the caller when `error` prevents finding out what became of
    /// these attempts: [`StoreError::OutcomeUnknown`], if one of them may have been
    /// executed.
    pub(super) fn tell(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unavailable(cause) | StoreError::Unexpected(cause) if self.maybe_done => {
                StoreError::OutcomeUnknown(cause)
            }
            error => error,
        }
    }

    /// Returns the error for the caller after the last attempt failed with `error`.
    pub(super) fn give_up<E>(&self, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if self.maybe_done {
            StoreError::OutcomeUnknown(Box::new(error))
        } else {
            StoreError::from(error)
        }
    }
}

/// Returns a random number from 0 to 1, good enough to spread pauses.
fn fraction() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}

/// Sends a request that is safe to repeat, with retries. Returns the last result and the
/// attempts.
pub(super) async fn repeat<O, E, F>(
    began: Instant,
    send: impl Fn() -> F,
) -> (Result<O, SdkError<E, HttpResponse>>, Attempts)
where
    O: Consumed,
    E: ProvideErrorMetadata,
    F: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
{
    let mut attempts = Attempts::since(began);
    loop {
        let result = attempt(send()).await;
        let another = match &result {
            Ok(_) => false,
            Err(error) => attempts.another(sort(error)).await,
        };
        if !another {
            return (result, attempts);
        }
    }
}

/// Sends a request once and records its cost.
///
/// The SDK's future takes some kilobytes. It is boxed, so the futures around it do not
/// contain it or move it.
pub(super) fn attempt<O: Consumed, E>(
    send: impl Future<Output = Result<O, E>>,
) -> impl Future<Output = Result<O, E>> {
    let send = Box::pin(send);
    async move {
        let result = send.await;
        usage::note(&result);
        result
    }
}
