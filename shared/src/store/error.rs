//! What can go wrong between a function and its table.

use std::error::Error;
use std::fmt;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::task::Task;

/// Why an operation on tasks failed.
#[derive(Debug)]
pub enum StoreError {
    /// There is no such task.
    NotFound,
    /// As `NotFound`, because the task is in the trash, from which it can be restored.
    Deleted,
    /// The task belongs to another user.
    NotOwned,
    /// The task, as it is now, does not fulfil the precondition of the write.
    Changed(Box<Task>),
    /// The task is in the trash.
    InTrash,
    /// The cursor was not made for this list.
    BadCursor,
    /// The token was not made for this user's feed.
    BadToken,
    /// The token is older than what the feed keeps, or was made for another table.
    Resync,
    /// The idempotency key was used with another body.
    KeyReused,
    /// A request with the same idempotency key is under way.
    InFlight,
    /// An operation of a batch was not executed, because the others took all the time.
    NotBegun,
    /// DynamoDB failed, and a write may or may not have been executed.
    OutcomeUnknown(Box<dyn Error + Send + Sync>),
    /// DynamoDB throttled the request, failed or could not be reached in time.
    Unavailable(Box<dyn Error + Send + Sync>),
    /// DynamoDB returned an unexpected response.
    Unexpected(Box<dyn Error + Send + Sync>),
}

/// The errors with which DynamoDB rejects a request without executing it.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
pub(super) const REFUSALS: [&str; 6] = [
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

impl<E> From<SdkError<E, HttpResponse>> for StoreError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> StoreError {
        let temporary = match &error {
            SdkError::ServiceError(context) => {
                // DynamoDB failed, or something else replied in its place.
                !context.raw().status().is_client_error()
                    || context.err().code().is_some_and(|code| REFUSALS.contains(&code))
            }
            SdkError::ConstructionFailure(_) => false,
            // No response, or a truncated one.
            _ => true,
        };
        if temporary {
            StoreError::Unavailable(Box::new(error))
        } else {
            StoreError::Unexpected(Box::new(error))
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreError::NotFound => "no such task",
            StoreError::Deleted => "no such task; it is in the trash",
            StoreError::NotOwned => "the task is another user's",
            StoreError::Changed(_) => "the task does not meet the precondition",
            StoreError::InTrash => "the task is in the trash",
            StoreError::BadCursor => "the cursor was not made for this list",
            StoreError::BadToken => "the token was not made for this feed",
            StoreError::Resync => "the token is older than the feed",
            StoreError::KeyReused => "the idempotency key was used with another body",
            StoreError::InFlight => "a request with the same idempotency key is under way",
            StoreError::NotBegun => "the operation was not begun in time",
            StoreError::OutcomeUnknown(_) => "it is not known whether the write was executed",
            StoreError::Unavailable(_) => "DynamoDB is not available",
            StoreError::Unexpected(_) => "DynamoDB returned an unexpected response",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::OutcomeUnknown(cause)
            | StoreError::Unavailable(cause)
            | StoreError::Unexpected(cause) => Some(&**cause),
            _ => None,
        }
    }
}

/// An invalid item: `attribute` is missing or invalid.
#[derive(Debug)]
pub(super) struct BadItem {
    pub(super) attribute: &'static str,
}

impl fmt::Display for BadItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an item without a valid attribute {}", self.attribute)
    }
}

impl Error for BadItem {}

impl From<BadItem> for StoreError {
    fn from(error: BadItem) -> StoreError {
        StoreError::Unexpected(Box::new(error))
    }
}
