//! Tokens as an issuer would sign them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use shared::User;
use shared::auth::Verifier;
use shared::config::Config;

use crate::settings::Settings;

/// A token that names `user` and expires after `expires_in`, signed with the
/// secret of `settings`, and with the issuer and audience that they ask for.
///
/// # Errors
///
/// If the expiry is beyond all calendars, or the token cannot be signed.
pub fn sign(settings: &Settings, user: &str, expires_in: Duration) -> Result<String> {
    shared::auth::install_crypto();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let expiry = now.checked_add(expires_in).map(|expiry| expiry.as_secs());
    let expiry = expiry.filter(|expiry| *expiry <= shared::auth::LAST_EXPIRY);
    let expiry = expiry.context("a token must expire before the year 10000")?;
    let mut claims = json!({"sub": user, "iat": now.as_secs(), "exp": expiry});
    for (claim, variable) in [("iss", "JWT_ISSUER"), ("aud", "JWT_AUDIENCE")] {
        if let Some(value) = settings.get(variable) {
            claims[claim] = json!(value);
        }
    }
    let key = EncodingKey::from_secret(settings.secret().as_bytes());
    Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
}

/// The user `name`, by way of a token: there is no other.
///
/// # Errors
///
/// If the functions would not accept the settings, or not such a user.
pub fn user(settings: &Settings, name: &str) -> Result<User> {
    let config = Config::from_lookup(|variable| match variable {
        "BETTER_AUTH_SECRET" => Some(settings.secret().to_owned()),
        // Present in local work, with a value that nobody looks at here.
        "TASKS_TABLE" | "AWS_ENDPOINT_URL_DYNAMODB" => Some("local".to_owned()),
        variable => settings.get(variable).map(str::to_owned),
    })?;
    let token = sign(settings, name, Duration::from_secs(60))?;
    let authorization = format!("Bearer {token}");
    Ok(Verifier::new(&config.identity).verify(Some(authorization.as_bytes()))?)
}
