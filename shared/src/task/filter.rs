//! Filters of a list: labels, priorities and words.

use super::fold::fold;
use super::labels::{MAX_LABEL_CHARS, label_key};
use super::parameters::Parameters;
use super::{Priority, Task};

/// The most labels that a list is filtered by. So many of 50 emoji take 6 KB of the URL; URL
/// and headers may have 10 KB together.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const MAX_FILTER_LABELS: usize = 10;

/// The longest text that tasks are searched for, in Unicode scalar values.
const MAX_SEARCH_CHARS: usize = 200;

/// What the tasks of a list have in common besides status and due date. The default matches all
/// tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// As given, for the URL of the next page.
    labels: Vec<String>,
    search: Option<String>,
    /// What they are compared by: sorted, without repetition.
    label_keys: Vec<String>,
    priorities: Vec<Priority>,
    words: Vec<String>,
}

impl Filter {
    /// Whether it matches all tasks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Filter { labels: _, search: _, label_keys, priorities, words } = self;
        label_keys.is_empty() && priorities.is_empty() && words.is_empty()
    }

    /// Whether `task` has all the labels, one of the priorities, and every word in its title
    /// or description.
    #[must_use]
    pub fn matches(&self, task: &Task) -> bool {
        let has_priority = || task.priority.is_some_and(|it| self.priorities.contains(&it));
        (self.priorities.is_empty() || has_priority())
            && self.has_labels(task)
            && self.has_words(task)
    }

    fn has_labels(&self, task: &Task) -> bool {
        if self.label_keys.is_empty() {
            return true;
        }
        let labels = task.labels.as_slice().iter();
        let keys: Vec<String> = labels.map(|label| label_key(label)).collect();
        self.label_keys.iter().all(|key| keys.contains(key))
    }

    fn has_words(&self, task: &Task) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let title = fold(&task.title);
        let left: Vec<&String> =
            self.words.iter().filter(|word| !title.contains(word.as_str())).collect();
        let in_description = |description: &String| {
            let description = fold(description);
            left.iter().all(|word| description.contains(word.as_str()))
        };
        left.is_empty() || task.description.as_ref().is_some_and(in_description)
    }

    /// Returns the query parameters that it was read from, with their names.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let labels = self.labels.iter().map(|label| ("label", label.as_str()));
        let priorities = self.priorities.iter().map(|priority| ("priority", priority.as_str()));
        let search = self.search.iter().map(|text| ("q", text.as_str()));
        labels.chain(priorities).chain(search)
    }

    /// Returns what it compares with, each with the name of the parameter: the same for
    /// filters that match the same tasks, but differ in order, case or accents.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let labels = self.label_keys.iter().map(|key| ("label", key.as_str()));
        let priorities = self.priorities.iter().map(|priority| ("priority", priority.as_str()));
        let words = self.words.iter().map(|word| ("q", word.as_str()));
        labels.chain(priorities).chain(words)
    }
}

impl Parameters {
    /// Takes the parameters of a filter.
    pub(super) fn filter(&mut self) -> Filter {
        let labels = self.labels();
        let (search, words) = self.search().unzip();
        Filter {
            label_keys: sorted(labels.iter().map(|label| label_key(label)).collect()),
            priorities: self.priorities(),
            words: sorted(words.unwrap_or_default()),
            labels,
            search,
        }
    }

    fn labels(&mut self) -> Vec<String> {
        let labels: Vec<String> =
            self.take_all("label").iter().map(|label| label.trim().to_owned()).collect();
        if labels.len() > MAX_FILTER_LABELS {
            let rule = format!("must be given at most {MAX_FILTER_LABELS} times");
            self.rules.broken("label", rule);
        }
        if labels.iter().any(|label| !(1..=MAX_LABEL_CHARS).contains(&label.chars().count())) {
            self.rules.broken("label", format!("must have 1 to {MAX_LABEL_CHARS} characters"));
        }
        labels
    }

    fn priorities(&mut self) -> Vec<Priority> {
        let names = self.take_all("priority");
        let known: Option<Vec<Priority>> = names.iter().map(|name| Priority::parse(name)).collect();
        if known.is_none() {
            self.rules.broken("priority", "must be low, medium or high");
        }
        let mut priorities = known.unwrap_or_default();
        priorities.sort_by_key(|priority| priority.as_str());
        priorities.dedup();
        priorities
    }

    fn search(&mut self) -> Option<(String, Vec<String>)> {
        let text = self.take("q")?;
        let words = words(&text);
        match text.chars().count() {
            count if count > MAX_SEARCH_CHARS => {
                let rule = format!("must have at most {MAX_SEARCH_CHARS} characters, not {count}");
                self.rules.broken("q", rule);
            }
            _ if words.is_empty() => self.rules.broken("q", "must contain a word"),
            _ => {}
        }
        Some((text, words))
    }
}

/// Returns the words of a text, folded. Whatever no space divides is one word.
fn words(text: &str) -> Vec<String> {
    fold(text).split_whitespace().map(str::to_owned).collect()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::parameters::query;
    use crate::task::{Invalid, Labels, NewTask, TaskId};

    fn read(pairs: &[(&str, &str)]) -> Result<Filter, Vec<String>> {
        let mut parameters = Parameters::from(query(pairs));
        let filter = parameters.filter();
        parameters.rules.finish(filter).map_err(Invalid::texts)
    }

    fn task(title: &str, description: Option<&str>, labels: &[&str]) -> Task {
        let new = NewTask {
            description: description.map(str::to_owned),
            labels: Labels::new(labels.iter().map(|label| (*label).to_owned()).collect()).unwrap(),
            priority: Some(Priority::High),
            ..NewTask::titled(title)
        };
        Task::with_id(TaskId::new(), "user_a", new)
    }

    fn finds(query: &str, title: &str) -> bool {
        read(&[("q", query)]).unwrap().matches(&task(title, None, &[]))
    }

    #[test]
    fn words_are_found_whatever_their_case_accents_and_forms() {
        for (query, title) in [
            ("apfel", "Äpfel kaufen"),
            ("ÄPFEL", "apfelmus"),
            ("A\u{308}pfel", "äpfel"),
            ("strasse", "Hauptstraße"),
            ("STRAẞE", "strasse 5"),
            ("istanbul", "İstanbul'a git"),
            ("ISPANAK", "ıspanak al"),
            ("σισυφος", "ΣΊΣΥΦΟΣ"),
            ("👋", "👋\u{1f3fd}"),
            ("❤", "❤\u{fe0f}"),
            ("👩\u{200d}👧", "👩👧"),
            ("שלום", "שָׁלוֹם עולם"),
            ("محمد", "مُحَمَّد"),
            ("ｆｕｌｌ\u{3000}ＷＩＤＴＨ", "full width"),
            ("京", "東京"),
            ("한구", "한국어"),
        ] {
            assert!(finds(query, title), "{query} in {title}");
        }
        assert!(!finds("👋\u{1f3fd}", "👋"), "another emoji");
        assert!(!finds("apfel", "Birne"));
    }

    #[test]
    fn every_word_must_occur_in_title_or_description_in_any_order() {
        let task = task("Call Zoë", Some("about the Café"), &[]);
        let finds = |query| read(&[("q", query)]).unwrap().matches(&task);
        assert!(finds("cafe zoe"));
        assert!(finds("  call\tABOUT "));
        assert!(!finds("cafe tomorrow"));
        assert!(!finds("zoeabout"), "a word is not in both");
    }

    #[test]
    fn all_labels_must_be_there_and_one_of_the_priorities() {
        let task = task("t", None, &["Büro", "ASAP"]);
        let matches = |query: &[(&str, &str)]| read(query).unwrap().matches(&task);
        assert!(matches(&[("label", "buro")]));
        assert!(matches(&[("label", "BÜRO "), ("label", "asap"), ("label", "büro")]));
        assert!(!matches(&[("label", "büro"), ("label", "home")]));
        assert!(!matches(&[("label", "bür")]), "a label is compared as a whole");
        assert!(matches(&[("priority", "low"), ("priority", "high")]));
        assert!(!matches(&[("priority", "low"), ("label", "asap")]));
    }

    #[test]
    fn a_task_without_a_priority_is_in_no_list_of_one() {
        let none = Task { priority: None, ..task("t", None, &[]) };
        let all = [("priority", "low"), ("priority", "medium"), ("priority", "high")];
        assert!(!read(&all).unwrap().matches(&none));
        assert!(read(&[]).unwrap().matches(&none));
    }

    #[test]
    fn the_error_for_a_bad_filter_names_its_parameter() {
        let (long, word) = ("é".repeat(51), "é".repeat(201));
        for (name, value, error) in [
            ("label", "", "label must have 1 to 50 characters"),
            ("label", " \u{3000}", "label must have 1 to 50 characters"),
            ("label", &long, "label must have 1 to 50 characters"),
            ("priority", "urgent", "priority must be low, medium or high"),
            ("priority", "", "priority must be low, medium or high"),
            ("priority", "low,high", "priority must be low, medium or high"),
            ("q", "", "q must contain a word"),
            ("q", " \u{301}\u{200b}", "q must contain a word"),
            ("q", &word, "q must have at most 200 characters, not 201"),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err(), [error], "{name}={value}");
        }
        assert_eq!(
            read(&[("label", "a"); 11]).unwrap_err(),
            ["label must be given at most 10 times"]
        );
        assert_eq!(read(&[("q", "a"), ("q", "b")]).unwrap_err(), ["q must be given only once"]);
    }

    #[test]
    fn filters_that_differ_in_spelling_compare_with_the_same() {
        let one = read(&[("label", "b"), ("label", "Ä"), ("q", "Milch kaufen")]).unwrap();
        let other = read(&[("label", "a"), ("label", "B"), ("q", " KAUFEN milch ")]).unwrap();
        assert!(one.keys().eq(other.keys()));
        assert_eq!(
            one.parameters().collect::<Vec<_>>(),
            [("label", "b"), ("label", "Ä"), ("q", "Milch kaufen")]
        );
        let priority = read(&[("priority", "low")]).unwrap();
        assert!(!priority.keys().eq(read(&[("label", "low")]).unwrap().keys()));
    }
}
