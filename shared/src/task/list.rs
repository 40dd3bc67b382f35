//! The query parameters of a list.

use super::field::Invalid;
use super::parameters::{Parameters, QueryInput};
use super::{Filter, Task, Window};

/// A valid list query.
///
/// ```
/// use shared::task::{ListQuery, QueryInput, Order, Sort};
///
/// let input = QueryInput::from([("sort".to_owned(), vec!["title".to_owned()])]);
/// let query = ListQuery::try_from(input).unwrap();
/// assert_eq!((query.sort, query.order), (Sort::Title, Order::Asc));
///
/// let input = QueryInput::from([("limit".to_owned(), vec!["0".to_owned()])]);
/// assert_eq!(ListQuery::try_from(input).unwrap_err().errors[0].field, "limit");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Which tasks to list.
    pub status: Status,
    /// What they are sorted by.
    pub sort: Sort,
    /// In which direction.
    pub order: Order,
    /// Only tasks that are due in this window.
    pub window: Window,
    /// Only tasks that match this.
    pub filter: Filter,
    /// At most this many tasks, 1 to [`MAX_LIMIT`](super::MAX_LIMIT); `None` for as many as one
    /// reply can carry.
    pub limit: Option<usize>,
    /// The cursor from the previous page; the store defines its form.
    pub cursor: Option<String>,
}

/// Which tasks a list contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// `all`
    #[default]
    All,
    /// `pending`
    Pending,
    /// `completed`
    Completed,
    /// `deleted`: the trash, which the other lists leave out.
    Deleted,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// `created`
    #[default]
    Created,
    /// `title`: in the order that people expect, in any language.
    Title,
    /// `due_date`: tasks without one come last in both directions.
    DueDate,
    /// `deleted`: by deletion. The only order of the trash, and of nothing else.
    Deleted,
}

/// The direction of a list. Ties are sorted by creation in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `asc`
    Asc,
    /// `desc`
    Desc,
}

impl Default for Order {
    fn default() -> Order {
        Sort::default().natural_order()
    }
}

impl ListQuery {
    /// Whether the list leaves out tasks of the range of keys that has it.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.filter.is_empty() || self.window.is_local()
    }

    /// Whether `task`, which is in that range, is in the list.
    #[must_use]
    pub fn matches(&self, task: &Task) -> bool {
        (!self.window.is_local() || self.window.contains(task.due.as_ref()))
            && self.filter.matches(task)
    }
}

impl Status {
    const NAMES: [(&'static str, Status); 4] = [
        ("all", Status::All),
        ("pending", Status::Pending),
        ("completed", Status::Completed),
        ("deleted", Status::Deleted),
    ];

    /// Returns the value of the `status` parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        name(&Status::NAMES, self)
    }
}

impl Sort {
    const NAMES: [(&'static str, Sort); 4] = [
        ("created", Sort::Created),
        ("title", Sort::Title),
        ("due_date", Sort::DueDate),
        ("deleted", Sort::Deleted),
    ];

    /// Returns the value of the `sort` parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        name(&Sort::NAMES, self)
    }

    /// Returns the default order: latest first by creation and deletion, otherwise
    /// ascending.
    fn natural_order(self) -> Order {
        match self {
            Sort::Created | Sort::Deleted => Order::Desc,
            Sort::Title | Sort::DueDate => Order::Asc,
        }
    }
}

impl Order {
    const NAMES: [(&'static str, Order); 2] = [("asc", Order::Asc), ("desc", Order::Desc)];

    /// Returns the value of the `order` parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        name(&Order::NAMES, self)
    }
}

fn name<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
}

impl TryFrom<QueryInput> for ListQuery {
    type Error = Invalid;

    fn try_from(input: QueryInput) -> Result<ListQuery, Invalid> {
        let mut read = Parameters::from(input);
        let statuses = "must be all, pending, completed or deleted";
        let status = read.one_of("status", &Status::NAMES, statuses).unwrap_or_default();
        let sort = read.one_of("sort", &Sort::NAMES, "must be created, title or due_date");
        let order = read.one_of("order", &Order::NAMES, "must be asc or desc");
        let limit = read.limit();
        let filter = read.filter();
        let cursor = read.take("cursor");
        let sort =
            sort.unwrap_or(if status == Status::Deleted { Sort::Deleted } else { Sort::default() });
        read.check_sort(sort, status);
        let window = read.window(sort == Sort::DueDate);
        read.rules.finish(ListQuery {
            status,
            sort,
            order: order.unwrap_or(sort.natural_order()),
            window,
            filter,
            limit,
            cursor,
        })
    }
}

impl Parameters {
    fn check_sort(&mut self, sort: Sort, status: Status) {
        match (sort, status) {
            (Sort::Deleted, Status::Deleted) => {}
            (Sort::Deleted, _) => self.rules.broken("sort", "must be created, title or due_date"),
            (_, Status::Deleted) => {
                self.rules.broken("sort", "must be deleted or absent with status=deleted");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::parameters::query;

    fn read(pairs: &[(&str, &str)]) -> Result<ListQuery, Invalid> {
        ListQuery::try_from(query(pairs))
    }

    fn told(query: &[(&str, &str)]) -> Vec<String> {
        read(query).unwrap_err().texts()
    }

    #[test]
    fn each_sort_has_its_own_natural_order() {
        let order = |sort| read(&[("sort", sort)]).unwrap().order;
        assert_eq!(read(&[]).unwrap(), ListQuery::default());
        assert_eq!(order("created"), Order::Desc);
        assert_eq!(order("title"), Order::Asc);
        assert_eq!(order("due_date"), Order::Asc);
    }

    #[test]
    fn the_error_for_a_bad_value_names_its_parameter() {
        for (name, value, message) in [
            ("status", "done", "status must be all, pending, completed or deleted"),
            ("status", "", "status must be all, pending, completed or deleted"),
            ("status", "ALL", "status must be all, pending, completed or deleted"),
            ("sort", "priority", "sort must be created, title or due_date"),
            ("sort", "deleted", "sort must be created, title or due_date"),
            ("order", "up", "order must be asc or desc"),
            ("limit", "0", "limit must be a whole number from 1 to 1000"),
            ("limit", "1001", "limit must be a whole number from 1 to 1000"),
            ("limit", "-1", "limit must be a whole number from 1 to 1000"),
            ("limit", "+5", "limit must be a whole number from 1 to 1000"),
            ("limit", "5.0", "limit must be a whole number from 1 to 1000"),
            ("limit", "99999999999999999999", "limit must be a whole number from 1 to 1000"),
        ] {
            assert_eq!(told(&[(name, value)]), [message], "{name}={value}");
        }
    }

    #[test]
    fn the_trash_has_an_order_of_its_own() {
        let trash = read(&[("status", "deleted")]).unwrap();
        assert_eq!((trash.sort, trash.order), (Sort::Deleted, Order::Desc));
        let again = [("status", "deleted"), ("sort", "deleted"), ("order", "desc")];
        assert_eq!(read(&again).unwrap(), trash, "as the Link to its next page has it");
        let by_title = [("status", "deleted"), ("sort", "title")];
        assert_eq!(told(&by_title), ["sort must be deleted or absent with status=deleted"]);
    }

    #[test]
    fn all_bad_values_are_reported_at_once() {
        assert_eq!(told(&[("status", "x"), ("sort", "y"), ("limit", "z")]).len(), 3);
    }

    #[test]
    fn a_parameter_given_twice_is_rejected() {
        let twice = [("status", "pending"), ("status", "completed")];
        assert_eq!(told(&twice), ["status must be given only once"]);
    }

    #[test]
    fn a_window_needs_the_due_date_sort_and_ordered_bounds() {
        assert_eq!(told(&[("due_after", "2027-01-01")]), ["due_after needs sort=due_date"]);
        let upside_down =
            [("sort", "due_date"), ("due_after", "2027-01-02"), ("due_before", "2027-01-02")];
        assert_eq!(told(&upside_down), ["due_before must be later than due_after"]);
        let hint = told(&[("sort", "due_date"), ("due_after", "2027-01-01T00:00:00 02:00")]);
        assert!(hint[0].ends_with("(write + as %2B)"), "{hint:?}");
    }

    #[test]
    fn an_unknown_parameter_is_ignored() {
        assert_eq!(read(&[("_", "1700000000")]).unwrap(), ListQuery::default());
    }
}
