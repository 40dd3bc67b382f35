//! Checks 5 to 7: the claims (RFC 7519 section 4.1).

use serde::Deserialize;
use serde_json::Value;

use super::{Access, AuthError};
use crate::json;
use crate::task::Timestamp;

/// How far the issuer's clock may be off, in seconds.
pub const LEEWAY_SECONDS: f64 = 30.0;

/// The longest user id, in bytes: half of what DynamoDB takes in a partition
/// key.
pub const MAX_SUBJECT_BYTES: usize = 1024;

/// The scope of tokens that may read tasks.
pub const READ_SCOPE: &str = "tasks:read";

/// The scope of tokens that may read and write tasks.
pub const WRITE_SCOPE: &str = "tasks:write";

/// The latest expiry that is accepted: the end of the year 9999, in seconds since
/// 1970.
pub const LAST_EXPIRY: u64 = Timestamp::MAX.unix_millis().unsigned_abs() / 1000;

/// The claims that are checked. The token may give them any type.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Claims {
    exp: Value,
    nbf: Value,
    iss: Value,
    aud: Value,
    azp: Value,
    client_id: Value,
    sub: Value,
    #[serde(rename = "type")]
    kind: Value,
    token_use: Value,
    typ: Value,
    scope: Value,
    scp: Value,
}

impl Claims {
    pub(super) fn parse(payload: &[u8]) -> Result<Claims, AuthError> {
        json::object(payload).map_err(|_| AuthError::Malformed)
    }

    /// Check 5, at the time `now` in seconds since 1970.
    pub(super) fn check_times(&self, now: f64) -> Result<(), AuthError> {
        let exp = numeric_date(&self.exp).ok_or(AuthError::NoExpiry)?;
        if exp + LEEWAY_SECONDS <= now {
            return Err(AuthError::Expired);
        }
        if self.nbf.is_null() {
            return Ok(());
        }
        match numeric_date(&self.nbf) {
            Some(nbf) if nbf - LEEWAY_SECONDS <= now => Ok(()),
            _ => Err(AuthError::NotYetValid),
        }
    }

    /// Check 6: the configured issuer, compared exactly. What is not
    /// configured is not checked.
    pub(super) fn check_issuer(&self, issuer: Option<&str>) -> Result<(), AuthError> {
        let Some(issuer) = issuer else { return Ok(()) };
        match self.iss.as_str() {
            Some(iss) if iss == issuer => Ok(()),
            iss => {
                let bare = |text: &str| text.trim_end_matches('/').to_owned();
                if iss.map(bare) == Some(bare(issuer)) {
                    tracing::warn!("JWT_ISSUER and the token's iss differ by a trailing slash");
                }
                Err(AuthError::Issuer)
            }
        }
    }

    /// Check 6: the configured audience and client.
    pub(super) fn check_audience(
        &self,
        audience: Option<&str>,
        client_id: Option<&str>,
    ) -> Result<(), AuthError> {
        if audience.is_some_and(|audience| !names(&self.aud, audience)) {
            return Err(AuthError::Audience);
        }
        let is_client = |id: &str| match (&self.client_id, &self.azp) {
            (Value::Null, azp) => azp == id,
            (client_id, Value::Null) => client_id == id,
            (client_id, azp) => client_id == id && azp == id,
        };
        if client_id.is_some_and(|id| !is_client(id)) {
            return Err(AuthError::Client);
        }
        Ok(())
    }

    /// Check 6: refresh and ID tokens are not for APIs.
    pub(super) fn check_is_access_token(&self) -> Result<(), AuthError> {
        let is_one_of = |claim: &Value, kinds: &[&str]| {
            let claim = claim.as_str().unwrap_or_default();
            kinds.iter().any(|kind| claim.eq_ignore_ascii_case(kind))
        };
        // Cognito names a token's kind in `token_use`, Keycloak in `typ`.
        let others = ["id", "refresh", "offline", "logout"];
        if is_one_of(&self.kind, &["refresh"])
            || is_one_of(&self.token_use, &others)
            || is_one_of(&self.typ, &others)
        {
            return Err(AuthError::NotAccess);
        }
        Ok(())
    }

    /// Returns what the scopes allow.
    pub(super) fn access(&self) -> Access {
        let has = |scope| lists(&self.scope, scope) || lists(&self.scp, scope);
        match (has(READ_SCOPE), has(WRITE_SCOPE)) {
            (_, true) => Access::Write,
            (true, false) => Access::Read,
            (false, false) => Access::Unscoped,
        }
    }

    /// Check 7.
    pub(super) fn subject(self) -> Result<String, AuthError> {
        match self.sub {
            Value::String(sub) if sub.len() <= MAX_SUBJECT_BYTES && names_somebody(&sub) => Ok(sub),
            _ => Err(AuthError::Subject),
        }
    }
}

/// Whether `sub` holds more than white space and control characters. An issuer that
/// sends nothing else has no user in mind, and all such tokens would share one list.
fn names_somebody(sub: &str) -> bool {
    !sub.chars().all(|character| character.is_whitespace() || character.is_control())
}

/// A NumericDate (RFC 7519 section 2): a number of seconds, possibly with a
/// fraction, from 1970 to 9999.
fn numeric_date(claim: &Value) -> Option<f64> {
    claim.as_f64().filter(|seconds| (0.0..=LAST_EXPIRY as f64).contains(seconds))
}

/// Whether `claim` lists `scope`: in a string, between spaces (RFC 6749 section 3.3), or, as some
/// issuers do, in an array. Cognito puts the name of a resource server and a slash before it.
fn lists(claim: &Value, scope: &str) -> bool {
    match claim {
        Value::String(scopes) => {
            scopes.split_whitespace().any(|it| it.rsplit('/').next() == Some(scope))
        }
        Value::Array(scopes) => scopes.iter().any(|it| lists(it, scope)),
        _ => false,
    }
}

/// RFC 7519 section 4.1.3: `aud` is one audience or an array of them.
fn names(claim: &Value, audience: &str) -> bool {
    match claim {
        Value::String(one) => one == audience,
        Value::Array(all) => {
            all.iter().all(Value::is_string) && all.iter().any(|one| one == audience)
        }
        _ => false,
    }
}
