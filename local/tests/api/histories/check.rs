//! Checks the replies that writers got against the history of the task.

use reqwest::StatusCode;

use super::writer::{Exchange, Step};
use crate::support::recorded::{History, Version};

/// What a write did, according to two consecutive versions.
#[derive(Debug, PartialEq)]
enum Effect<'a> {
    Update(&'a str),
    Flip,
    Set,
    Delete,
}

impl Effect<'_> {
    fn of<'a>(before: &Version, after: Option<&'a Version>) -> Effect<'a> {
        let Some(after) = after.filter(|it| !it.is_deleted) else { return Effect::Delete };
        // A flip records the completion that it found. Setting to false removes the record.
        // Setting to true keeps that of the last flip, which found a completed task.
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

/// Returns a line for each violation.
pub(super) fn check(history: &History, exchanges: &[Exchange]) -> Vec<String> {
    let mut wrong = Vec::new();
    let effects: Vec<Effect<'_>> = history
        .windows(2)
        .map(|pair| Effect::of(pair[0].as_ref().unwrap(), pair[1].as_ref()))
        .collect();
    versions(history, &mut wrong);
    updates(history, &effects, exchanges, &mut wrong);
    counts(&effects, exchanges, &mut wrong);
    replies(history, exchanges, &mut wrong);
    if !wrong.is_empty() {
        let lines: Vec<String> = exchanges
            .iter()
            .map(|it| format!("  {} {:?} {:?} {}", it.began, it.step, it.if_match, it.status))
            .collect();
        wrong.push(format!("in this history: {effects:?}\n{}", lines.join("\n")));
    }
    wrong
}

/// No two versions share an entity tag, `updated_at` never decreases, and a task is
/// completed at the time of the write that completed it.
fn versions(history: &History, wrong: &mut Vec<String>) {
    let versions: Vec<&Version> = history.iter().flatten().collect();
    let mut tags: Vec<&str> = versions.iter().map(|version| version.etag.as_str()).collect();
    tags.sort_unstable();
    tags.dedup();
    if tags.len() != versions.len() {
        wrong.push("two versions have the same entity tag".to_owned());
    }
    if !versions.is_sorted_by_key(|version| &version.updated_at) {
        wrong.push("updated_at decreases".to_owned());
    }
    let completing = versions.windows(2).filter(|pair| !pair[0].completed && pair[1].completed);
    for version in completing.map(|pair| pair[1]) {
        if version.completed_at != version.updated_at {
            wrong.push(format!("completed at another time than it was written: {version:?}"));
        }
    }
    if versions.iter().any(|it| it.title != "t" || it.priority != "low") {
        wrong.push("a field that no writer named was changed".to_owned());
    }
}

/// Each update was executed once if it was acknowledged, at most once if its outcome is
/// unknown, and only on the version that it named.
fn updates(
    history: &History,
    effects: &[Effect<'_>],
    exchanges: &[Exchange],
    wrong: &mut Vec<String>,
) {
    for exchange in exchanges {
        let Step::Update(description, completed) = &exchange.step else { continue };
        let executed: Vec<usize> =
            (0..effects.len()).filter(|at| effects[*at] == Effect::Update(description)).collect();
        let is_consistent = match executed.len() {
            0 => !exchange.is_done(),
            1 => exchange.is_done() || exchange.may_be_done(),
            _ => false,
        };
        if !is_consistent {
            wrong.push(format!("{description}: {}, executed {executed:?}", exchange.status));
        }
        for at in executed {
            let (before, after) = (history[at].as_ref().unwrap(), history[at + 1].as_ref());
            if exchange.if_match.as_ref().is_some_and(|tag| *tag != before.etag) {
                wrong.push(format!("{description}: If-Match did not stop a lost update"));
            }
            let expected = completed.unwrap_or(before.completed);
            if after.is_none_or(|after| after.completed != expected) {
                wrong.push(format!("{description}: {after:?}"));
            }
        }
    }
}

/// At least the acknowledged flips, sets and deletes were executed, and at most those with
/// an unknown outcome in addition.
fn counts(effects: &[Effect<'_>], exchanges: &[Exchange], wrong: &mut Vec<String>) {
    for effect in [Effect::Flip, Effect::Set] {
        let executed = effects.iter().filter(|it| **it == effect).count();
        let asked = || {
            exchanges.iter().filter(|it| match it.step {
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
    let deletes = || exchanges.iter().filter(|it| it.step == Step::Delete);
    let deleted = effects.contains(&Effect::Delete);
    if deletes().any(Exchange::is_done) && !deleted {
        wrong.push("an acknowledged delete was not executed".to_owned());
    }
    if deleted && !deletes().any(|it| it.is_done() || it.may_be_done()) {
        wrong.push("a delete was executed but never acknowledged".to_owned());
    }
}

/// Each reply shows a version of the history, and none that is older than a version shown by
/// a reply that ended before the request began.
fn replies(history: &History, exchanges: &[Exchange], wrong: &mut Vec<String>) {
    let place = |exchange: &Exchange| {
        let is_it = |version: &Option<Version>| {
            version.as_ref().map(|version| &version.etag) == exchange.etag.as_ref()
        };
        match exchange.status {
            StatusCode::OK => history.iter().position(is_it),
            // The deletion, which is last.
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Some(history.len() - 1),
            _ => None,
        }
    };
    for it in exchanges {
        let Some(at) = place(it) else {
            if it.status == StatusCode::OK {
                wrong.push(format!("{:?}: there was never a version {:?}", it.step, it.etag));
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
        let known = exchanges.iter().filter(|other| other.ended < it.began).filter_map(place).max();
        if known.is_some_and(|known| known > at) {
            wrong.push(format!("{:?} saw version {at} after {known:?}", it.step));
        }
    }
}
