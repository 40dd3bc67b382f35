//! The files that the function serves.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use shared::http::{Body, Document};

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The page, in which a local server's token may stand.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let token = std::env::var("DOCS_TOKEN").unwrap_or_default();
    // Whatever a token is made of, no character of it means anything in HTML.
    let is_token = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let filled = format!("data-token=\"{}\"", if is_token { &token } else { "" });
    include_str!("page.html").replace("data-token=\"\"", &filled)
});

/// What the page may do: run its own scripts and call its own origin. No
/// `unsafe-eval`, no inline script, nothing from elsewhere, no frame around it.
/// <https://www.w3.org/TR/CSP3/>
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// A file by its name, the last segment of its path.
pub(crate) enum File {
    Page,
    Packed { content_type: &'static str, compressed: &'static [u8] },
}

pub(crate) fn find(name: &str) -> Option<File> {
    if name == "docs" {
        return Some(File::Page);
    }
    let (_, content_type, compressed) = PACKED.iter().find(|(known, ..)| *known == name)?;
    Some(File::Packed { content_type, compressed })
}

impl File {
    /// The file compressed, if the caller takes it so, or as it is.
    pub(crate) fn in_coding(&self, gzip: bool) -> Document {
        match self {
            File::Page => Document {
                content_type: "text/html; charset=utf-8",
                content_encoding: None,
                content_security_policy: Some(CONTENT_SECURITY_POLICY),
                tag: tag(PAGE.as_bytes(), false),
                body: Body::Text(PAGE.clone()),
            },
            File::Packed { content_type, compressed } => Document {
                content_type,
                content_encoding: gzip.then_some("gzip"),
                content_security_policy: None,
                tag: tag(compressed, gzip),
                body: if gzip {
                    Body::Binary(compressed.to_vec())
                } else {
                    Body::Text(decompressed(compressed))
                },
            },
        }
    }
}

/// Tells versions apart, and codings (RFC 9110 section 8.8.3.3).
fn tag(content: &[u8], gzip: bool) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}{}", hasher.finish(), if gzip { "-gzip" } else { "" })
}

fn decompressed(compressed: &[u8]) -> String {
    let mut text = String::new();
    // The build script has compressed text, and all of it.
    let _ = GzDecoder::new(compressed).read_to_string(&mut text);
    text
}
