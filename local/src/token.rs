//! Signs tokens, as an issuer would.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use ring::hmac;
use serde_json::{Value, json};
use shared::User;
use shared::auth::Verifier;
use shared::config::Identity;

use crate::issuer::Issuer;
use crate::jws;
use crate::settings::Settings;

/// Signs a token for `user` that expires after `expires_in`, with the issuer and audience
/// that the settings require. It is signed by `issuer`, or else with the secret of the
/// settings.
///
/// # Errors
///
/// If the expiry is too far in the future, or the token cannot be signed.
pub fn sign(
    settings: &Settings,
    issuer: Option<&Issuer>,
    user: &str,
    expires_in: Duration,
) -> Result<String> {
    sign_scoped(settings, issuer, user, expires_in, None)
}

/// As [`sign`], with a claim `scope`.
///
/// # Errors
///
/// As [`sign`].
pub fn sign_scoped(
    settings: &Settings,
    issuer: Option<&Issuer>,
    user: &str,
    expires_in: Duration,
    scope: Option<&Value>,
) -> Result<String> {
    let mut claims = claims(settings, user, expires_in)?;
    if let Some(scope) = scope {
        claims["scope"] = scope.clone();
    }
    if let Some(issuer) = issuer {
        return Ok(issuer.sign(&claims));
    }
    if settings.get("JWKS_URL").is_some() && settings.get("BETTER_AUTH_SECRET").is_none() {
        bail!("JWKS_URL is set: the functions only accept tokens signed by that issuer");
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, settings.secret().as_bytes());
    let header = json!({"alg": "HS256", "typ": "JWT"});
    Ok(jws::compact(&header, &claims, |signed| hmac::sign(&key, signed).as_ref().to_vec()))
}

fn claims(settings: &Settings, user: &str, expires_in: Duration) -> Result<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let expiry = now.checked_add(expires_in).map(|expiry| expiry.as_secs());
    let expiry = expiry.filter(|expiry| *expiry <= shared::auth::LAST_EXPIRY);
    let expiry = expiry.context("a token must expire before the year 10000")?;
    let mut claims = json!({"sub": user, "iat": now.as_secs(), "exp": expiry});
    let audience = settings.get("JWT_AUDIENCE").filter(|audience| *audience != "none");
    for (claim, value) in [
        ("iss", settings.get("JWT_ISSUER")),
        ("aud", audience),
        ("client_id", settings.get("JWT_CLIENT_ID")),
    ] {
        if let Some(value) = value {
            claims[claim] = json!(value);
        }
    }
    Ok(claims)
}

/// The user `name`. Verifying a token is the only way to get a [`User`].
///
/// # Errors
///
/// If the functions would reject the settings or the user id.
pub async fn user(settings: &Settings, name: &str) -> Result<User> {
    let identity = Identity::from_lookup(|variable| match variable {
        "BETTER_AUTH_SECRET" => Some(settings.secret().to_owned()),
        "JWKS_URL" => None,
        // Set in local work. Its value does not matter here.
        "AWS_ENDPOINT_URL_DYNAMODB" => Some("local".to_owned()),
        variable => settings.get(variable).map(str::to_owned),
    })?;
    let settings = settings.clone().with("JWKS_URL", "");
    let token = sign(&settings, None, name, Duration::from_secs(60))?;
    let authorization = format!("Bearer {token}");
    Ok(Verifier::new(&identity).verify(Some(authorization.as_bytes())).await?)
}
