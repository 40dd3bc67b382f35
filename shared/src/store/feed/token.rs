//! Tokens: where a device goes on in the feed.
//!
//! A token is JSON in base64url, and after a dot the changes that were last returned, in
//! base64url too. Like a cursor (`list/cursor.rs`), it is neither secret nor signed,
//! because it can do no harm: the user always comes from the token of the request, and a
//! position is only a place to start in that user's own tasks.
//!
//! Tokens outlive deployments. Members are only ever added, as optional ones, and unknown
//! members are ignored. After any other change, which needs a new [`VERSION`], devices start
//! anew.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::{Delivered, NEAR, Position, Round, TOKEN_LIFETIME, millis};
use crate::store::Tasks;
use crate::store::error::StoreError;
use crate::store::hash::tag;
use crate::task::{TaskId, Timestamp};

const VERSION: u8 = 1;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Token {
    #[serde(rename = "v")]
    version: u8,
    /// The user, hashed.
    #[serde(rename = "u")]
    user: String,
    /// The table, hashed. One that was restored has another name, and forgets what devices
    /// know. So does one without a trash, which forgets deletions.
    #[serde(rename = "t")]
    table: String,
    #[serde(rename = "b")]
    began: i64,
    #[serde(rename = "f")]
    far: i64,
    /// The position: time and id.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    position: Option<(i64, String)>,
    #[serde(rename = "a", default, skip_serializing_if = "std::ops::Not::not")]
    is_first: bool,
}

/// What a token of any version has.
#[derive(Deserialize)]
struct Versioned {
    #[serde(rename = "v")]
    version: u8,
}

fn user_tag(tasks: &Tasks<'_>) -> String {
    tag(&[b"changes", tasks.user.id().as_bytes()])
}

fn table_tag(tasks: &Tasks<'_>) -> String {
    let trash: &[u8] = if tasks.store.has_trash { b"trash" } else { b"" };
    tag(&[b"table", tasks.store.table.as_bytes(), trash])
}

/// Encodes the token of a device that was told of `round` so far.
pub(super) fn encode(round: &Round, tasks: &Tasks<'_>) -> String {
    let Round { began, far, from: _, position, is_first, delivered } = round;
    let token = Token {
        version: VERSION,
        user: user_tag(tasks),
        table: table_tag(tasks),
        began: *began,
        far: *far,
        position: position.map(|position| (position.updated_at, position.id.to_string())),
        is_first: *is_first,
    };
    #[expect(clippy::expect_used, reason = "structs of strings and numbers cannot fail")]
    let json = serde_json::to_vec(&token).expect("a token that JSON can hold");
    let delivered = delivered.to_bytes(round.earliest());
    format!("{}.{}", BASE64.encode(json), BASE64.encode(delivered))
}

/// Decodes a token. The round that it returns starts where it says, or is finished.
pub(super) fn decode(text: &str, tasks: &Tasks<'_>, now: i64) -> Result<Round, StoreError> {
    let (json, delivered) = parse(text).ok_or(StoreError::BadToken)?;
    let bad = |_| StoreError::BadToken;
    let Versioned { version } = serde_json::from_slice(&json).map_err(bad)?;
    if version != VERSION {
        return Err(StoreError::Resync);
    }
    let token: Token = serde_json::from_slice(&json).map_err(bad)?;
    if token.user != user_tag(tasks) {
        return Err(StoreError::BadToken);
    }
    let is_same_table = token.table == table_tag(tasks);
    let round = round(token, &delivered).ok_or(StoreError::BadToken)?;
    // A clock that was far ahead has made rounds that begin too late.
    let is_ahead = round.began.max(round.far) > now + millis(NEAR);
    if !is_same_table || is_ahead || now - round.began > millis(TOKEN_LIFETIME) {
        return Err(StoreError::Resync);
    }
    Ok(round)
}

/// Returns the JSON of a token, and the bytes of the changes that it knows.
fn parse(text: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (json, delivered) = text.split_once('.')?;
    Some((BASE64.decode(json).ok()?, BASE64.decode(delivered).ok()?))
}

fn round(token: Token, delivered: &[u8]) -> Option<Round> {
    let Token { began, far, position, is_first, version: _, user: _, table: _ } = token;
    let times = 0..=Timestamp::MAX.unix_millis();
    let position = match position {
        None => None,
        Some((updated_at, id)) => {
            let id = TaskId::parse(&id).filter(|_| times.contains(&updated_at))?;
            Some(Position { updated_at, id })
        }
    };
    let mut round =
        Round { began, far, from: None, position, is_first, delivered: Delivered::default() };
    // `far` may be later than `began`, by a clock that was ahead.
    if !times.contains(&began) || !times.contains(&far) {
        return None;
    }
    round.delivered = Delivered::from_bytes(delivered, round.earliest())?;
    Some(round)
}
