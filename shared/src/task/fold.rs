//! Folding: texts that differ only in case, accents or forms of the same characters become
//! equal, much as they are when titles are sorted.

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;

/// Returns `text` without case and accents: `Äpfel` and `APFEL` become `apfel`, `Straße`
/// becomes `strasse`.
///
/// Compatibility decomposition (NFKD, UAX #15) separates accents, which are then left out.
/// Lower, upper and again lower case is full case folding.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let nfkd = DecomposingNormalizerBorrowed::new_nfkd();
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let is_accent = |c: &char| !matches!(classes.get_u8(*c), NOT_REORDERED | VIRAMA);
    let mut folded = String::with_capacity(text.len());
    for c in nfkd.normalize_iter(text.chars()) {
        if is_accent(&c) || is_invisible(c) {
            continue;
        }
        let upper = c.to_lowercase().flat_map(char::to_uppercase);
        for c in upper.flat_map(char::to_lowercase) {
            match plain(c) {
                Some(letters) => folded.push_str(letters),
                None => folded.push(c),
            }
        }
    }
    folded
}

/// The canonical combining class (UAX #44) of all characters that are no accents.
const NOT_REORDERED: u8 = 0;
/// Part of the spelling in the scripts of India.
const VIRAMA: u8 = 9;

/// Whether `c` only says how its neighbours look: soft hyphens, joiners, directions,
/// variants of an emoji.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{640}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the letters as which `c` is sorted, if it does not decompose into them.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ð' | 'đ' => "d",
        'ħ' => "h",
        'ł' => "l",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use icu_collator::CollatorBorrowed;
    use icu_collator::options::{CollatorOptions, Strength};

    use super::fold;

    #[test]
    fn case_accents_and_forms_do_not_count() {
        for (text, folded) in [
            ("Äpfel", "apfel"),
            ("A\u{308}PFEL", "apfel"),
            ("Straße STRASSE STRAẞE", "strasse strasse strasse"),
            ("ΣΊΣΥΦΟΣ Σίσυφος", "σισυφοσ σισυφοσ"),
            ("İstanbul ıspanak", "istanbul ispanak"),
            ("Ｆｕｌｌ ﬁﬂ ①", "full fifl 1"),
            ("Ærø Œuvre Łódź Ðiệp", "aero oeuvre lodz diep"),
            ("ёлка", "елка"),
            ("קׇמָץ", "קמץ"),
            ("مُحَمَّد", "محمد"),
            ("❤\u{fe0f} 👩\u{200d}👧", "❤ 👩👧"),
            ("हिन्दी", "हिन्दी"),
            ("co\u{ad}operate", "cooperate"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
            assert_eq!(fold(folded), folded, "folding twice changes nothing");
        }
    }

    #[test]
    fn letters_of_european_languages_fold_to_those_they_are_sorted_as() {
        let mut options = CollatorOptions::default();
        options.strength = Some(Strength::Primary);
        let collator = CollatorBorrowed::new_root(options);
        let key = |text: &str| {
            let mut key = Vec::new();
            let Ok(()) = collator.write_sort_key_to(text, &mut key);
            key
        };
        let letters = || ('a'..='z').map(String::from);
        let pairs = letters().flat_map(|a| letters().map(move |b| format!("{a}{b}")));
        let plain: HashMap<_, _> = letters().chain(pairs).map(|text| (key(&text), text)).collect();
        // Latin-1, Latin Extended-A and Additional.
        for c in ('\u{c0}'..='\u{17f}').chain('\u{1e00}'..='\u{1eff}') {
            let text = String::from(c);
            // Those with a dot as a letter of its own, and two of Middle Welsh.
            if let Some(plain) = plain.get(&key(&text))
                && !['Ŀ', 'ŀ', 'Ỻ', 'ỻ'].contains(&c)
            {
                assert_eq!(fold(&text), *plain, "{c}");
            }
        }
    }
}
