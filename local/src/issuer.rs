//! A token issuer on this machine, with its own key set. It stands in for Better Auth's
//! JWT plugin or an OpenID provider.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::dynamodb::Data;
use crate::jws;
use crate::settings::Settings;

/// The path at which the local gateway publishes the key set.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

/// The audience of the tokens, unless the settings name another.
pub const AUDIENCE: &str = "tasks-api";

/// A key that signs tokens (EdDSA).
#[derive(Debug)]
pub struct Issuer {
    key: Ed25519KeyPair,
}

impl Issuer {
    /// The issuer whose key is stored with `data`. Generates a key if there is none.
    ///
    /// # Errors
    ///
    /// If the key cannot be read or written.
    pub fn open(data: &Data) -> Result<Issuer> {
        let pkcs8 = match data {
            Data::Memory => generate()?,
            Data::Folder(folder) => {
                std::fs::create_dir_all(folder)?;
                let file = folder.join("issuer.pk8");
                read_or_generate(&file).with_context(|| file.display().to_string())?
            }
        };
        let key = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|error| anyhow!("{error}"))?;
        Ok(Issuer { key })
    }

    /// `settings`, changed to accept the tokens of this issuer. `url` is that of the API,
    /// which publishes the key set.
    #[must_use]
    pub fn settings(&self, settings: Settings, url: &str) -> Settings {
        let audience = settings.get("JWT_AUDIENCE").unwrap_or(AUDIENCE).to_owned();
        settings
            .with("JWKS_URL", &format!("{url}{KEY_SET_PATH}"))
            .with("BETTER_AUTH_SECRET", "")
            .with("JWT_ISSUER", url)
            .with("JWT_AUDIENCE", &audience)
    }

    /// The key set, which holds the public key.
    #[must_use]
    pub fn key_set(&self) -> Value {
        json!({"keys": [{
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": self.key_id(),
            "x": BASE64.encode(self.key.public_key()),
        }]})
    }

    /// Publishes the key set.
    pub fn router(&self) -> Router {
        let key_set = self.key_set().to_string();
        let publish = get(async || ([("content-type", "application/json")], key_set));
        Router::new().route(KEY_SET_PATH, publish)
    }

    /// Signs a token with these claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.key_id()});
        jws::compact(&header, claims, |signed| self.key.sign(signed).as_ref().to_vec())
    }

    /// The `kid`: the first bytes of the public key, which are random enough.
    fn key_id(&self) -> String {
        BASE64.encode(&self.key.public_key().as_ref()[..9])
    }
}

fn read_or_generate(file: &Path) -> Result<Vec<u8>> {
    if !file.exists() {
        // Renamed when it is complete, and readable only by its owner.
        let new = file.with_extension("new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&new)?.write_all(&generate()?)?;
        std::fs::rename(new, file)?;
    }
    Ok(std::fs::read(file)?)
}

fn generate() -> Result<Vec<u8>> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    Ok(pkcs8.map_err(|error| anyhow!("{error}"))?.as_ref().to_vec())
}
