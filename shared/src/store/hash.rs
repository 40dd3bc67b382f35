//! The hash that idempotency keys and cursors contain instead of the original values.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::digest::{Context, SHA256};

/// Returns the SHA-256 hash of `parts` in base64url. Each part is preceded by its length,
/// so no two lists of parts have the same input.
pub(super) fn hash(parts: &[&[u8]]) -> String {
    BASE64.encode(digest(parts))
}

/// As [`hash`], as bytes.
pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// Returns the beginning of the hash of several parts: 24 bits, enough to notice a mix-up,
/// and too few to identify a user among many.
pub(super) fn tag(parts: &[&[u8]]) -> String {
    let mut tag = hash(parts);
    tag.truncate(4);
    tag
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn different_parts_have_different_hashes() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"ab"]), hash(&[b"ab", b""]));
        assert_eq!(hash(&[b"a", b"b"]), hash(&[b"a", b"b"]));
    }
}
