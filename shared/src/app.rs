//! What lives as long as the process: built at the cold start, shared by all
//! requests.

use aws_sdk_dynamodb::Client;

use crate::auth::{AuthError, User, Verifier};
use crate::config::Config;
use crate::http::{self, Request};
use crate::store::{Store, Tasks};
use crate::telemetry;

/// The application behind each function: who may come in, and where the tasks
/// are.
#[derive(Debug)]
pub struct App {
    verifier: Verifier,
    store: Store,
}

impl App {
    /// Puts the application together from its settings and a DynamoDB client.
    #[must_use]
    pub fn new(config: &Config, dynamodb: Client) -> App {
        App {
            verifier: Verifier::new(&config.identity),
            store: Store::new(dynamodb, &config.tasks_table, &config.idempotency_table),
        }
    }

    /// Fetches what the first request would wait for. That may fail: then the
    /// first request tries again.
    pub(crate) async fn warm_up(&self) {
        self.verifier.warm_up().await;
    }

    /// The user on whose behalf `request` was sent.
    ///
    /// # Errors
    ///
    /// Every request without a valid token is refused; see [`crate::auth`] for
    /// the checks. As a reply that is 401 with `WWW-Authenticate`, or 503 while
    /// the issuer's keys cannot be fetched.
    pub async fn authenticate(&self, request: &Request) -> Result<User, AuthError> {
        let user = self.verifier.verify(http::authorization(request)).await?;
        telemetry::note_user(&user);
        Ok(user)
    }

    /// The tasks of `user`, and of nobody else.
    #[must_use]
    pub fn tasks<'a>(&'a self, user: &'a User) -> Tasks<'a> {
        self.store.tasks(user)
    }
}
