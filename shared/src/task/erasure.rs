//! The query parameters of an erasure.

use super::TaskId;
use super::field::Invalid;
use super::parameters::{Parameters, QueryInput};

/// A valid query of an erasure: the caller has confirmed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureQuery {
    /// The task after which to continue.
    pub cursor: Option<TaskId>,
}

impl ErasureQuery {
    /// Reads the query of the user `user_id`.
    ///
    /// # Errors
    ///
    /// If `confirm` is not exactly this user id, or the cursor is malformed.
    pub fn parse(input: QueryInput, user_id: &str) -> Result<ErasureQuery, Invalid> {
        let mut read = Parameters::from(input);
        if read.take("confirm").as_deref() != Some(user_id) {
            read.rules.broken("confirm", "must be your own user id, the sub of your token");
        }
        let cursor = read.after();
        read.rules.finish(ErasureQuery { cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::parameters::query;

    fn told(pairs: &[(&str, &str)]) -> Vec<String> {
        ErasureQuery::parse(query(pairs), "alice").map_or_else(Invalid::texts, |_| Vec::new())
    }

    #[test]
    fn only_the_user_id_itself_confirms() {
        let rule = "confirm must be your own user id, the sub of your token";
        assert_eq!(told(&[("confirm", "alice")]), [""; 0]);
        for wrong in ["", "bob", "Alice", "alice ", "true"] {
            assert_eq!(told(&[("confirm", wrong)]), [rule], "{wrong}");
        }
        assert_eq!(told(&[]), [rule]);
        let twice = told(&[("confirm", "alice"), ("confirm", "alice")]);
        assert_eq!(twice, ["confirm must be given only once"]);
    }

    #[test]
    fn a_cursor_is_the_id_of_a_task() {
        let read = |cursor: &str| {
            ErasureQuery::parse(query(&[("confirm", "alice"), ("cursor", cursor)]), "alice")
        };
        let id = TaskId::new();
        assert_eq!(read(&id.to_string()).unwrap().cursor, Some(id));
        for wrong in ["", "1", "01234567-89ab-4cde-8f01-23456789abcd"] {
            let errors = read(wrong).unwrap_err().texts();
            assert_eq!(errors, ["cursor must be a cursor that this API returned"]);
        }
    }
}
