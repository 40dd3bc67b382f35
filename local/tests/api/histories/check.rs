//! Whether a history is one in which everybody was told the truth.

use reqwest::StatusCode;

use super::writer::{Step, Told};
use crate::support::recorded::{History, Version};

/// What a write did, as two versions behind each other show it.
#[derive(Debug, PartialEq)]
enum Effect<'a> {
    Update(&'a str),
    Flip,
    Set,
    Delete,
}

impl Effect<'_> {
    fn of<'a>(before: &Version, after: Option<&'a Version>) -> Effect<'a> {
        let Some(after) = after else { return Effect::Delete };
        // A flip says what it found; setting to false forgets, and setting to true
        // leaves what the last flip said, which was that the task was completed.
        let found = after.flipped_from == Some(before.completed);
        if before.description != after.description {
            Effect::Update(&after.description)
        } else if before.completed != after.completed && found {
            Effect::Flip
        } else {
            Effect::Set
        }
    }
}

/// What is wrong, each in a line.
pub(super) fn check(history: &History, told: &[Told]) -> Vec<String> {
    let mut wrong = Vec::new();
    let effects: Vec<Effect<'_>> = history
        .windows(2)
        .map(|pair| Effect::of(pair[0].as_ref().unwrap(), pair[1].as_ref()))
        .collect();
    versions(history, &mut wrong);
    updates(history, &effects, told, &mut wrong);
    counts(&effects, told, &mut wrong);
    replies(history, told, &mut wrong);
    if !wrong.is_empty() {
        let told: Vec<String> = told
            .iter()
            .map(|it| format!("  {} {:?} {:?} {}", it.began, it.step, it.if_match, it.status))
            .collect();
        wrong.push(format!("of this history: {effects:?}\n{}", told.join("\n")));
    }
    wrong
}

/// No two versions share an entity tag, and their times do not go back.
fn versions(history: &History, wrong: &mut Vec<String>) {
    let versions: Vec<&Version> = history.iter().flatten().collect();
    let mut tags: Vec<&str> = versions.iter().map(|version| version.etag.as_str()).collect();
    tags.sort_unstable();
    tags.dedup();
    if tags.len() != versions.len() {
        wrong.push("one entity tag for two versions".to_owned());
    }
    if !versions.is_sorted_by_key(|version| &version.updated_at) {
        wrong.push("updated_at goes back".to_owned());
    }
    if versions.iter().any(|it| it.title != "t" || it.priority != "low") {
        wrong.push("what nobody named was changed".to_owned());
    }
}

/// Each update was executed as often as its writer was told, and only on the version
/// that it named.
fn updates(history: &History, effects: &[Effect<'_>], told: &[Told], wrong: &mut Vec<String>) {
    for told in told {
        let Step::Update(description, completed) = &told.step else { continue };
        let executed: Vec<usize> =
            (0..effects.len()).filter(|at| effects[*at] == Effect::Update(description)).collect();
        let is_true = match executed.len() {
            0 => !told.is_done(),
            1 => told.is_done() || told.may_be_done(),
            _ => false,
        };
        if !is_true {
            wrong.push(format!("{description}: {}, executed {executed:?}", told.status));
        }
        for at in executed {
            let (before, after) = (history[at].as_ref().unwrap(), history[at + 1].as_ref());
            if told.if_match.as_ref().is_some_and(|tag| *tag != before.etag) {
                wrong.push(format!("{description}: If-Match did not stop a lost update"));
            }
            let expected = completed.unwrap_or(before.completed);
            if after.is_none_or(|after| after.completed != expected) {
                wrong.push(format!("{description}: {after:?}"));
            }
        }
    }
}

/// There were as many flips, sets and deletes as writers were told, or at most as
/// many as those and the unknown ones together.
fn counts(effects: &[Effect<'_>], told: &[Told], wrong: &mut Vec<String>) {
    for effect in [Effect::Flip, Effect::Set] {
        let executed = effects.iter().filter(|it| **it == effect).count();
        let asked = || {
            told.iter().filter(|it| match it.step {
                Step::Flip => effect == Effect::Flip,
                Step::Set(_) => effect == Effect::Set,
                _ => false,
            })
        };
        let done = asked().filter(|it| it.is_done()).count();
        let perhaps = asked().filter(|it| it.may_be_done()).count();
        if !(done..=done + perhaps).contains(&executed) {
            wrong.push(format!("{effect:?}: {executed} executed, {done} done, {perhaps} perhaps"));
        }
    }
    let deletes = || told.iter().filter(|it| it.step == Step::Delete);
    let deleted = effects.contains(&Effect::Delete);
    if deletes().any(Told::is_done) && !deleted {
        wrong.push("a delete that was not executed".to_owned());
    }
    if deleted && !deletes().any(|it| it.is_done() || it.may_be_done()) {
        wrong.push("a delete of which nobody was told".to_owned());
    }
}

/// Each reply shows a version that there was, and nothing older than what somebody
/// knew when it was asked for.
fn replies(history: &History, told: &[Told], wrong: &mut Vec<String>) {
    let place = |told: &Told| {
        let is_it = |version: &Option<Version>| {
            version.as_ref().map(|version| &version.etag) == told.etag.as_ref()
        };
        match told.status {
            StatusCode::OK => history.iter().position(is_it),
            // It is gone.
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Some(history.len() - 1),
            _ => None,
        }
    };
    for it in told {
        let Some(at) = place(it) else {
            if it.status == StatusCode::OK {
                wrong.push(format!("{:?}: {:?} was never there", it.step, it.etag));
            }
            continue;
        };
        if let (StatusCode::OK, Some(version)) = (it.status, &history[at]) {
            let body = &it.body;
            if body["description"] != version.description
                || body["completed"] != version.completed
                || body["updated_at"] != version.updated_at
            {
                wrong.push(format!("{:?}: {body} is not {version:?}", it.step));
            }
        }
        let known = told.iter().filter(|other| other.ended < it.began).filter_map(place).max();
        if known.is_some_and(|known| known > at) {
            wrong.push(format!("{:?} saw version {at} after {known:?}", it.step));
        }
    }
}
