//! The tasks of one user in DynamoDB. `docs/data-model.md` describes the table and its
//! indexes.
//!
//! Every key of a task contains the user, who comes from a verified token. No request,
//! however crafted, reads or writes another user's partition. (The index `by_id` only says
//! whether somebody else has a task of this id.)

mod attempts;
mod batch;
mod client;
mod clock;
mod create;
mod error;
mod feed;
mod hash;
mod idempotency;
#[cfg(feature = "tools")]
mod import;
#[cfg(feature = "tools")]
mod insert;
mod item;
mod list;
mod once;
mod read;
#[cfg(feature = "tools")]
mod rewrite;
mod title_key;
mod update;
mod usage;
mod whole;
mod write;

use std::time::Instant;

use aws_sdk_dynamodb::Client;

pub use batch::Outcome;
#[cfg(feature = "tools")]
pub use client::client_at_aws;
pub(crate) use client::connect;
#[cfg(any(feature = "default-chain", feature = "tools"))]
pub use client::http_client;
pub use clock::Clock;
pub use create::Created;
pub use error::StoreError;
pub use feed::FeedPage;
pub use idempotency::REMEMBERED_SECONDS;
#[cfg(feature = "tools")]
pub use import::Imported;
#[cfg(feature = "tools")]
pub use insert::MAX_BATCH;
#[cfg(feature = "tools")]
pub use rewrite::{is_refused, rewrite, rewrite_reads, rewrite_version};
pub use title_key::{MAX_TITLE_KEY_BYTES, title_key};
pub use whole::Erasure;
pub use write::MAX_REVISIONS;

use crate::auth::User;

/// The tables of tasks and of idempotency keys.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
    idempotency_table: String,
    clock: Clock,
    has_trash: bool,
}

impl Store {
    /// Returns a store that reaches these two tables through `client`.
    #[must_use]
    pub fn new(client: Client, table: &str, idempotency_table: &str) -> Store {
        let (table, idempotency_table) = (table.to_owned(), idempotency_table.to_owned());
        Store { client, table, idempotency_table, clock: Clock::default(), has_trash: true }
    }

    /// Returns this store with or without a trash. Without one, a delete leaves nothing
    /// behind, so that functions that know neither trash nor tombstones can go on beside
    /// this one.
    #[must_use]
    pub fn with_trash(self, has_trash: bool) -> Store {
        Store { has_trash, ..self }
    }

    /// Returns this store with another clock.
    #[cfg(feature = "tools")]
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Store {
        Store { clock, ..self }
    }

    /// Returns the tasks of `user` for one request, whose time starts now.
    #[must_use]
    pub fn tasks<'a>(&'a self, user: &'a User) -> Tasks<'a> {
        Tasks { store: self, user, began: Instant::now() }
    }
}

/// The tasks of one user. All operations go through here.
#[derive(Clone, Copy, Debug)]
pub struct Tasks<'a> {
    store: &'a Store,
    user: &'a User,
    /// When the request began. All its attempts share one time limit.
    began: Instant,
}
