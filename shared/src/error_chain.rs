//! Errors for the log.

use std::error::Error;
use std::fmt::Write;

/// Returns the text of `error`, followed by those of its causes. Only their `Display`
/// texts: the SDK's `Debug` texts contain whole requests.
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
