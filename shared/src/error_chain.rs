//! Formats errors for the log.

use std::error::Error;
use std::fmt::Write;

/// Returns the `Display` texts of `error` and its causes. Their `Debug` texts are not
/// safe to log: the SDK's contain whole requests.
pub(crate) fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
