//! Errors for the log.

use std::error::Error;
use std::fmt::Write;

/// An error with all its causes. Their `Display` texts only: the SDK's `Debug`
/// texts contain whole requests.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
