//! Writes the generated parts of Markdown documents.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Replaces the text in the document at `path` between the lines
/// `<!-- name: generated -->` and `<!-- name: end -->`.
///
/// # Errors
///
/// If the document cannot be read or written, or has no such lines.
pub(crate) fn replace_generated(path: &Path, name: &str, text: &str) -> Result<()> {
    let document = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let document = replaced(&document, name, text).with_context(|| path.display().to_string())?;
    fs::write(path, document).with_context(|| path.display().to_string())
}

fn replaced(document: &str, name: &str, text: &str) -> Result<String> {
    let begin = format!("<!-- {name}: generated -->\n");
    let end = format!("<!-- {name}: end -->\n");
    let (before, rest) =
        document.split_once(&begin).with_context(|| format!("no place for {name}"))?;
    let (_, after) =
        rest.split_once(&end).with_context(|| format!("the place for {name} has no end"))?;
    Ok(format!("{before}{begin}\n{text}\n{end}{after}"))
}

/// Appends a line to `text`.
pub(crate) fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// Formats a number with thousands separators.
pub(crate) fn human(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_part_is_replaced() {
        let document = "# A\n<!-- a: generated -->\nold\n<!-- a: end -->\n<!-- b: generated -->\n";
        let new = replaced(document, "a", "new").unwrap();
        assert_eq!(new, document.replace("old", "\nnew\n").replace("new\n\n", "new\n"));
        assert!(replaced(document, "b", "new").is_err());
        assert!(replaced(document, "c", "new").is_err());
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(human(7), "7");
        assert_eq!(human(1_000), "1,000");
        assert_eq!(human(1_234_567), "1,234,567");
    }
}
