//! State that lives as long as the process: built at cold start, shared by all requests.

use aws_sdk_dynamodb::Client;

use crate::auth::{AuthError, User, Verifier};
use crate::config::Config;
use crate::http::{self, Request};
use crate::record;
use crate::store::{Store, Tasks};

/// The application behind each function: it authenticates users and stores their tasks.
#[derive(Debug)]
pub struct App {
    verifier: Verifier,
    store: Store,
}

impl App {
    /// Builds the application from its settings and a DynamoDB client.
    #[must_use]
    pub fn new(config: &Config, dynamodb: Client) -> App {
        let store = Store::new(dynamodb, &config.tasks_table, &config.idempotency_table);
        App { verifier: Verifier::new(&config.identity), store: store.with_trash(config.has_trash) }
    }

    /// Fetches what the first request would otherwise wait for. If that fails, the first
    /// request tries again.
    pub(crate) async fn warm_up(&self) {
        self.verifier.warm_up().await;
    }

    /// Returns the user who sent `request`. Unless its method is safe (RFC 9110 section 9.2.1),
    /// the token must not be for reading only.
    ///
    /// # Errors
    ///
    /// An [`AuthError`] if the request has no valid token; see [`crate::auth`] for the
    /// checks. The reply is then 401 with `WWW-Authenticate`, 403 for a token that may not write,
    /// or 503 while the issuer's keys cannot be fetched.
    pub async fn authenticate(&self, request: &Request) -> Result<User, AuthError> {
        let user = self.identify(request).await?;
        if request.method().is_safe() { Ok(user) } else { user.writing(false) }
    }

    /// As [`App::authenticate`], where the method does not say whether the request writes: before
    /// it does either, call [`User::reading`] or [`User::writing`].
    ///
    /// # Errors
    ///
    /// As [`App::authenticate`].
    pub async fn identify(&self, request: &Request) -> Result<User, AuthError> {
        let user = self.verifier.verify(http::authorization(request)).await?;
        record::user(user.id());
        Ok(user)
    }

    /// Returns the tasks of `user`, and of nobody else.
    #[must_use]
    pub fn tasks<'a>(&'a self, user: &'a User) -> Tasks<'a> {
        self.store.tasks(user)
    }
}
