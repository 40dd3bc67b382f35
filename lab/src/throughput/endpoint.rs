//! The endpoints that are measured.

use reqwest::StatusCode;

/// An endpoint of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Endpoint {
    Health,
    List,
    Get,
    Update,
    Toggle,
    Create,
    Delete,
}

impl Endpoint {
    /// All of them. Those that change the number of tasks come last, so that the others
    /// work on the same tables.
    pub const ALL: [Endpoint; 7] = [
        Endpoint::Health,
        Endpoint::List,
        Endpoint::Get,
        Endpoint::Update,
        Endpoint::Toggle,
        Endpoint::Create,
        Endpoint::Delete,
    ];

    /// Its name, in one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Endpoint::Health => "health",
            Endpoint::List => "list",
            Endpoint::Get => "get",
            Endpoint::Update => "update",
            Endpoint::Toggle => "toggle",
            Endpoint::Create => "create",
            Endpoint::Delete => "delete",
        }
    }

    /// The function that answers it.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Endpoint::Health => "health",
            Endpoint::List => "list-tasks",
            Endpoint::Get => "get-task",
            Endpoint::Update => "update-task",
            Endpoint::Toggle => "toggle-task",
            Endpoint::Create => "create-task",
            Endpoint::Delete => "delete-task",
        }
    }

    /// The status of a successful reply.
    pub(super) fn expected(self) -> StatusCode {
        match self {
            Endpoint::Create => StatusCode::CREATED,
            Endpoint::Delete => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        }
    }
}
