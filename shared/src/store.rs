//! The tasks of one user in DynamoDB. `docs/data-model.md` draws the table and
//! its indexes.
//!
//! Every key begins with the user, and the user comes from a verified token:
//! no request, however made up, reaches another user's partition.

mod client;
mod cursor;
mod error;
mod item;
mod list;
mod merge;
mod read;
mod title_key;
mod walk;
mod write;

use aws_sdk_dynamodb::Client;

pub use client::{connect, http_client};
pub use error::StoreError;
pub use title_key::{MAX_TITLE_KEY_BYTES, title_key};
pub use write::MAX_REVISIONS;

use crate::auth::User;

/// The table of tasks.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// The table of that name, reached through `client`.
    #[must_use]
    pub fn new(client: Client, table: &str) -> Store {
        Store { client, table: table.to_owned() }
    }

    /// The tasks of `user`.
    #[must_use]
    pub fn tasks<'a>(&'a self, user: &'a User) -> Tasks<'a> {
        Tasks { store: self, user }
    }
}

/// The tasks of one user. All operations go through here.
#[derive(Clone, Copy, Debug)]
pub struct Tasks<'a> {
    store: &'a Store,
    user: &'a User,
}
