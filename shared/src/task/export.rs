//! The query parameters of an export.

use super::TaskId;
use super::field::Invalid;
use super::parameters::{Parameters, QueryInput};

/// A valid query for an export.
///
/// ```
/// use shared::task::{ExportQuery, Format, QueryInput};
///
/// let input = QueryInput::from([("format".to_owned(), vec!["csv".to_owned()])]);
/// assert_eq!(ExportQuery::try_from(input).unwrap().format, Format::Csv);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportQuery {
    /// What to return the tasks as.
    pub format: Format,
    /// At most this many tasks, 1 to [`MAX_LIMIT`](super::MAX_LIMIT); `None` for as many as one
    /// reply can carry.
    pub limit: Option<usize>,
    /// The task after which to continue.
    pub cursor: Option<TaskId>,
}

/// A file format for tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `json`: an array of tasks, as in lists.
    #[default]
    Json,
    /// `csv`: a table (RFC 4180).
    Csv,
    /// `ics`: a calendar of to-dos (RFC 5545), without deleted tasks.
    Ics,
}

impl Format {
    const NAMES: [(&'static str, Format); 3] =
        [("json", Format::Json), ("csv", Format::Csv), ("ics", Format::Ics)];

    /// Returns the format that `name` names: the value of the parameter, and the extension of
    /// such files.
    #[must_use]
    pub fn parse(name: &str) -> Option<Format> {
        Format::NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Returns the name of the format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Format::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// Whether such a file has tasks in the trash.
    #[must_use]
    pub fn has_trash(self) -> bool {
        self != Format::Ics
    }
}

impl TryFrom<QueryInput> for ExportQuery {
    type Error = Invalid;

    fn try_from(input: QueryInput) -> Result<ExportQuery, Invalid> {
        let mut read = Parameters::from(input);
        let format = read.one_of("format", &Format::NAMES, "must be json, csv or ics");
        let limit = read.limit();
        let cursor = read.after();
        read.rules.finish(ExportQuery { format: format.unwrap_or_default(), limit, cursor })
    }
}

impl Parameters {
    /// Takes the cursor of what goes through all tasks in order of creation: the id of a task.
    pub(super) fn after(&mut self) -> Option<TaskId> {
        let text = self.take("cursor")?;
        let id = TaskId::parse(&text);
        if id.is_none() {
            self.rules.broken("cursor", "must be a cursor that this API returned");
        }
        id
    }
}
