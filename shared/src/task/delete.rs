//! The query parameters of a delete.

use super::field::{Invalid, TRUE_OR_FALSE};
use super::parameters::{Parameters, QueryInput};

/// A valid query of a delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeleteQuery {
    /// Whether to delete for good instead of moving the task to the trash.
    pub permanent: bool,
}

impl TryFrom<QueryInput> for DeleteQuery {
    type Error = Invalid;

    fn try_from(input: QueryInput) -> Result<DeleteQuery, Invalid> {
        const FLAGS: [(&str, bool); 2] = [("true", true), ("false", false)];
        let mut read = Parameters::from(input);
        let permanent = read.one_of("permanent", &FLAGS, TRUE_OR_FALSE);
        read.rules.finish(DeleteQuery { permanent: permanent.unwrap_or(false) })
    }
}
