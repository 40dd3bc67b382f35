//! The sort key of a title: titles sort as people expect, in any language.

use icu_collator::CollatorBorrowed;
use icu_collator::options::CollatorOptions;

/// The longest title key, in bytes. With the task's id after it, it stays below the 1,024
/// bytes that DynamoDB accepts in a sort key. Nearly all titles of 200 characters fit;
/// longer keys need alternating accents and capitals, or hundreds of ligatures. Titles
/// that differ only after the cut sort by creation.
pub const MAX_TITLE_KEY_BYTES: usize = 900;

/// Returns the sort key of the trimmed title in the root collation of CLDR (UTS #10).
/// Keys compare byte by byte: `Äpfel`, `apple`, `banana`, `Éclair`, `zebra`.
///
/// Keys are stored, so all keys of a table must come from one version of the collation.
/// The crate's version is pinned; after a change, `cargo run -- rewrite` rewrites them.
#[must_use]
pub fn title_key(title: &str) -> Vec<u8> {
    let collator = CollatorBorrowed::new_root(CollatorOptions::default());
    let mut key = Vec::with_capacity(4 * title.len());
    // Writing to a vector does not fail.
    let Ok(()) = collator.write_sort_key_to(title.trim(), &mut key);
    key.truncate(MAX_TITLE_KEY_BYTES);
    if key.is_empty() {
        // DynamoDB rejects an empty key.
        key.push(0);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_sort_as_people_expect() {
        let sorted = [
            "\u{200b}",
            "_draft",
            "1 egg",
            "10 eggs",
            "Äpfel",
            "apple",
            "Apple",
            "banana",
            "Éclair",
            "eclipse",
            "zebra",
            "Ωmega",
            "яблоко",
            "日本",
        ];
        let keys = sorted.map(title_key);
        assert!(keys.is_sorted(), "{:?}", keys);
    }

    #[test]
    fn keys_match_those_already_stored() {
        // If this fails, the collation has changed: stored tasks would have other keys
        // than new ones. See docs/data-model.md.
        for (title, key) in [
            ("Äpfel", &[43, 73, 53, 51, 65, 1, 69, 150, 8, 1, 220, 9][..]),
            ("10 eggs", &[20, 18, 4, 51, 55, 55, 79, 1, 11, 1, 11]),
            ("яблоко", &[98, 244, 12, 98, 138, 84, 138, 1, 10, 1, 10]),
            ("日本", &[250, 50, 44, 250, 52, 190, 1, 6, 1, 6]),
        ] {
            assert_eq!(title_key(title), key, "{title}");
        }
    }

    #[test]
    fn space_around_a_title_does_not_count() {
        assert_eq!(title_key("  apple\n"), title_key("apple"));
    }

    #[test]
    fn long_sentences_in_many_languages_are_not_cut() {
        for sentence in [
            "The quick brown Fox jumps over the lazy Dog. ",
            "Tôi Cần Mua Sữa Và Bánh Mì Trước Khi Về Nhà. ",
            "Съешь ещё этих мягких французских булок. ",
            "いろはにほへと ちりぬるを わかよたれそ。",
            "다람쥐 헌 쳇바퀴에 타고파. ",
            "नमस्ते दुनिया, दूध खरीदना है। ",
            "يجب شراء الحليب اليوم. ",
            "明天要買牛奶和麵包。",
        ] {
            let title: String = sentence.chars().cycle().take(200).collect();
            let length = title_key(&title).len();
            assert!(length < MAX_TITLE_KEY_BYTES, "{sentence}: {length}");
        }
    }

    #[test]
    fn no_title_has_an_empty_or_overlong_key() {
        for title in ["\u{0}", "\u{200b}", "\u{feff}\u{200d}"] {
            assert!(!title_key(title).is_empty(), "{title:?}");
        }
        for c in ['a', '漢', '👩', '\u{fdfa}', '\u{10ffff}'] {
            assert!(title_key(&String::from(c).repeat(200)).len() <= MAX_TITLE_KEY_BYTES, "{c}");
        }
    }
}
