//! The parameters of a query.

use std::collections::BTreeMap;

use super::field::Rules;

/// The largest `limit`.
pub const MAX_LIMIT: usize = 1000;

/// The parameters of a query: each name with all its values, decoded.
pub type QueryInput = BTreeMap<String, Vec<String>>;

/// Returns the parameters of a query, given one by one.
#[cfg(test)]
pub(super) fn query(pairs: &[(&str, &str)]) -> QueryInput {
    let mut input = QueryInput::new();
    for (name, value) in pairs {
        input.entry((*name).into()).or_default().push((*value).into());
    }
    input
}

/// Takes parameters out of a query, and collects what is wrong with them.
pub(super) struct Parameters {
    input: QueryInput,
    pub(super) rules: Rules,
}

impl From<QueryInput> for Parameters {
    fn from(input: QueryInput) -> Parameters {
        Parameters { input, rules: Rules::default() }
    }
}

impl Parameters {
    /// Takes the value of a parameter, which may occur only once.
    pub(super) fn take(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.input.remove(name)?;
        if values.len() > 1 {
            self.rules.broken(name, "must be given only once");
        }
        values.pop()
    }

    /// Whether the query has this parameter.
    pub(super) fn has(&self, name: &str) -> bool {
        self.input.contains_key(name)
    }

    /// Takes all values of a parameter, which may occur any number of times.
    pub(super) fn take_all(&mut self, name: &'static str) -> Vec<String> {
        self.input.remove(name).unwrap_or_default()
    }

    /// Takes a value that must be one of `names`; `rule` says so.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &'static str,
        names: &[(&'static str, T)],
        rule: &str,
    ) -> Option<T> {
        let value = self.take(name)?;
        let known = names.iter().find(|(name, _)| *name == value).map(|(_, known)| *known);
        if known.is_none() {
            self.rules.broken(name, rule);
        }
        known
    }

    /// Takes a limit, 1 to [`MAX_LIMIT`].
    pub(super) fn limit(&mut self) -> Option<usize> {
        let value = self.take("limit")?;
        // `parse` alone would accept "+5".
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let limit = value.parse().ok().filter(|limit| digits && (1..=MAX_LIMIT).contains(limit));
        if limit.is_none() {
            self.rules.broken("limit", format!("must be a whole number from 1 to {MAX_LIMIT}"));
        }
        limit
    }
}
