//! Windows of due dates.

use std::cmp::Ordering;

use super::field::MOMENT;
use super::parameters::Parameters;
use super::zone::FURTHEST_MILLIS;
use super::{Due, TimeZone, Timestamp};

/// Due dates from one bound (inclusive) to another (exclusive). Adjacent windows share no
/// task and miss none, and a day is the window from its date to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    after: Option<Bound>,
    before: Option<Bound>,
    /// Where dates and floating times are meant; without one, in UTC.
    time_zone: Option<TimeZone>,
}

/// A bound of a window. A date, or a time without an offset, is compared with those of tasks
/// as it is; with moments, as the moment when it begins in the window's time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    /// What it says. Without a time zone in the window, that is a moment.
    due: Due,
    /// In milliseconds since 1970.
    instant: i64,
}

const MIN_MILLIS: i64 = Timestamp::MIN.unix_millis();
const MAX_MILLIS: i64 = Timestamp::MAX.unix_millis();

impl Window {
    /// Returns the window from `after` to `before`: moments in RFC 3339, or dates and times
    /// without an offset, which are meant in `time_zone`, or else in UTC. Returns `None` if one
    /// of them is none, or if it ends before it begins.
    #[must_use]
    pub fn parse(
        after: Option<&str>,
        before: Option<&str>,
        time_zone: Option<TimeZone>,
    ) -> Option<Window> {
        let bound = |text: &str| Bound::parse(text, time_zone.as_ref()).ok_or(());
        let after = after.map(bound).transpose().ok()?;
        let before = before.map(bound).transpose().ok()?;
        let window = Window { after, before, time_zone };
        window.is_in_order().then_some(window)
    }

    /// Whether the window has a bound. A bounded window excludes tasks without a due
    /// date.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.after.is_some() || self.before.is_some()
    }

    /// Whether it has a time zone. Then not `due_date` alone decides, but what it means.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.time_zone.is_some()
    }

    fn is_in_order(&self) -> bool {
        let (Some(after), Some(before)) = (&self.after, &self.before) else { return true };
        match (after.due.floating(), before.due.floating()) {
            (Some(after), Some(before)) => after < before,
            _ => after.instant < before.instant,
        }
    }

    /// Whether a task that is due then is in the window.
    #[must_use]
    pub fn contains(&self, due: Option<&Due>) -> bool {
        let Some(due) = due else { return !self.is_bounded() };
        let compare = |bound: &Bound| match (due.floating(), bound.due.floating()) {
            (Some(local), Some(bound)) => local.cmp(&bound),
            _ => unix_millis(due, self.time_zone.as_ref()).cmp(&bound.instant),
        };
        self.after.as_ref().is_none_or(|after| compare(after) != Ordering::Less)
            && self.before.as_ref().is_none_or(|before| compare(before) == Ordering::Less)
    }

    /// Returns the first and the last `due_date` that a task in the window can have; `None` if
    /// it ends before all dates. Without a time zone, all tasks between them are in it.
    #[must_use]
    pub fn reach(&self) -> Option<(Timestamp, Timestamp)> {
        let reach = |bound: &Bound| bound.reach(self.is_local());
        let first = self.after.as_ref().map_or(i64::MIN, |after| reach(after).0);
        let last = self.before.as_ref().map_or(i64::MAX, |before| reach(before).1 - 1);
        let (first, last) = (first.max(MIN_MILLIS), last.min(MAX_MILLIS));
        (first <= last)
            .then(|| (Timestamp::from_unix_millis(first), Timestamp::from_unix_millis(last)))
    }

    /// Returns the query parameters that make this window, with their names.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let text = |bound: &Bound| bound.due.members().1;
        let after = self.after.as_ref().map(|after| ("due_after", text(after)));
        let before = self.before.as_ref().map(|before| ("due_before", text(before)));
        let zone = self.time_zone.as_ref().map(|zone| ("time_zone", zone.name().to_owned()));
        [after, before, zone].into_iter().flatten()
    }
}

impl Bound {
    fn parse(text: &str, time_zone: Option<&TimeZone>) -> Option<Bound> {
        let mut due = Due::parse(text)?;
        if time_zone.is_none() {
            due = due.instant().into();
        }
        Some(Bound { instant: unix_millis(&due, time_zone), due })
    }

    /// Returns the earliest and the latest `due_date` that can be equal to the bound, in
    /// milliseconds since 1970: that of a date or floating time differs from its moment by as
    /// much as the zone from UTC.
    fn reach(&self, is_local: bool) -> (i64, i64) {
        let key = self.due.instant().unix_millis();
        match (is_local, self.due.floating().is_some()) {
            (false, _) => (key, key),
            (true, true) => (key.min(self.instant), key.max(self.instant)),
            (true, false) => (key - FURTHEST_MILLIS, key + FURTHEST_MILLIS),
        }
    }
}

/// Returns the moment of `due` in milliseconds since 1970; that of a date or floating time in
/// `time_zone`, or else in UTC.
fn unix_millis(due: &Due, time_zone: Option<&TimeZone>) -> i64 {
    match (due.floating(), time_zone) {
        (Some(local), Some(zone)) => zone.unix_millis(local),
        _ => due.instant().unix_millis(),
    }
}

impl Parameters {
    /// Takes the parameters of a window.
    pub(super) fn window(&mut self, sorts_by_due_date: bool) -> Window {
        let time_zone = self.time_zone();
        let after = self.bound("due_after", time_zone.as_ref(), sorts_by_due_date);
        let before = self.bound("due_before", time_zone.as_ref(), sorts_by_due_date);
        let window = Window { after, before, time_zone };
        if !window.is_in_order() {
            self.rules.broken("due_before", "must be later than due_after");
        }
        window
    }

    fn time_zone(&mut self) -> Option<TimeZone> {
        if !self.has("due_after") && !self.has("due_before") && self.has("time_zone") {
            self.rules.broken("time_zone", "needs due_after or due_before");
        }
        let name = self.take("time_zone")?;
        let zone = TimeZone::find(&name);
        if zone.is_none() {
            let hint = if name.starts_with("Etc/") { plus_hint(&name) } else { "" };
            self.rules.broken("time_zone", format!("{}{hint}", TimeZone::RULE));
        }
        zone
    }

    fn bound(
        &mut self,
        name: &'static str,
        time_zone: Option<&TimeZone>,
        sorts_by_due_date: bool,
    ) -> Option<Bound> {
        let text = self.take(name)?;
        let bound = Bound::parse(&text, time_zone);
        if bound.is_none() {
            self.rules.broken(name, format!("{MOMENT}{}", plus_hint(&text)));
        } else if !sorts_by_due_date {
            self.rules.broken(name, "needs sort=due_date");
        }
        bound
    }
}

/// In a query, a plain + means a space.
fn plus_hint(value: &str) -> &'static str {
    if value.contains(' ') { " (write + as %2B)" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The UTC offsets of "today" lie between these.
    const ZONES: [&str; 10] = [
        "Pacific/Kiritimati",
        "Pacific/Auckland",
        "Asia/Tokyo",
        "Asia/Kolkata",
        "Europe/Berlin",
        "UTC",
        "America/Sao_Paulo",
        "America/Chicago",
        "Pacific/Honolulu",
        "Pacific/Niue",
    ];

    fn today(zone: &str) -> Window {
        Window::parse(Some("2027-02-10"), Some("2027-02-11"), TimeZone::find(zone)).unwrap()
    }

    fn due(text: &str) -> Due {
        Due::parse(text).unwrap()
    }

    #[test]
    fn a_day_and_a_floating_time_are_today_wherever_one_is() {
        for zone in ZONES {
            let contains = |text| today(zone).contains(Some(&due(text)));
            assert!(contains("2027-02-10"), "{zone}");
            assert!(contains("2027-02-10T00:00") && contains("2027-02-10T23:59:59.999"), "{zone}");
            assert!(!contains("2027-02-09") && !contains("2027-02-11"), "{zone}");
            assert!(
                !contains("2027-02-09T23:59:59.999") && !contains("2027-02-11T00:00"),
                "{zone}"
            );
        }
    }

    #[test]
    fn a_moment_is_today_where_its_local_date_is() {
        for (moment, zones) in [
            ("2027-02-09T10:00:00Z", vec!["Pacific/Kiritimati"]),
            ("2027-02-09T23:00:00Z", ZONES[..5].to_vec()),
            ("2027-02-10T10:30:00Z", ZONES[1..9].to_vec()),
            ("2027-02-11T10:59:59.999Z", vec!["Pacific/Niue"]),
        ] {
            let is_today = |zone: &&str| today(zone).contains(Some(&due(moment)));
            let found: Vec<&str> = ZONES.into_iter().filter(is_today).collect();
            assert_eq!(found, zones, "{moment}");
        }
    }

    #[test]
    fn against_a_moment_a_date_counts_as_its_midnight_there() {
        let zone = TimeZone::find("America/Chicago");
        let window = |after| Window::parse(Some(after), None, zone.clone()).unwrap();
        assert!(window("2027-02-10T06:00:00Z").contains(Some(&due("2027-02-10"))));
        assert!(!window("2027-02-10T06:00:00.001Z").contains(Some(&due("2027-02-10"))));
        let in_utc = Window::parse(Some("2027-02-10T00:00:00.001Z"), None, None).unwrap();
        assert!(!in_utc.contains(Some(&due("2027-02-10"))));
    }

    #[test]
    fn nothing_in_a_window_is_out_of_its_reach() {
        for zone in ZONES {
            let (first, last) = today(zone).reach().unwrap();
            for hour in 0..120 {
                let moment = first.unix_millis() - 172_800_000 + hour * 3_600_000;
                let moment = Timestamp::from_unix_millis(moment);
                let within = (first..=last).contains(&moment);
                let text = moment.to_string();
                for due in [Due::from(moment), due(text.trim_end_matches('Z'))] {
                    assert!(within || !today(zone).contains(Some(&due)), "{zone} {moment}");
                }
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_in_windows_that_reach_beyond_them() {
        let window =
            |after, before, zone| Window::parse(after, before, TimeZone::find(zone)).unwrap();
        let last = due("9999-12-31T23:59:59.999Z");
        // In UTC, this is in the year 10000.
        let until = window(None, Some("9999-12-31T20:00"), "America/Chicago");
        assert!(until.contains(Some(&last)));
        assert_eq!(until.reach(), Some((Timestamp::MIN, Timestamp::MAX)));
        let from = window(Some("0001-01-01T05:00"), None, "Asia/Tokyo");
        assert!(from.contains(Some(&due("0001-01-01T00:00Z"))));
        assert_eq!(from.reach(), Some((Timestamp::MIN, Timestamp::MAX)));
        assert_eq!(window(None, Some("0001-01-01"), "UTC").reach(), None);
    }

    #[test]
    fn without_a_time_zone_all_bounds_are_moments() {
        let day = Window::parse(Some("2027-02-10"), Some("2027-02-11T00:00"), None).unwrap();
        let moments = Window::parse(Some("2027-02-10T00:00Z"), Some("2027-02-11T00:00Z"), None);
        assert_eq!(Some(day), moments);
    }

    #[test]
    fn a_window_is_written_as_it_was_read() {
        let texts = |window: Window| window.parameters().map(|(_, text)| text).collect::<Vec<_>>();
        let zone = || TimeZone::find("asia/tokyo");
        let local = Window::parse(Some("2027-02-10"), Some("2027-02-11T09:00"), zone()).unwrap();
        assert_eq!(texts(local), ["2027-02-10", "2027-02-11T09:00:00", "Asia/Tokyo"]);
        let mixed = Window::parse(None, Some("2027-02-11T09:00:00+09:00"), zone()).unwrap();
        assert_eq!(texts(mixed), ["2027-02-11T00:00:00.000Z", "Asia/Tokyo"]);
        let utc = Window::parse(Some("2027-02-10"), None, None).unwrap();
        assert_eq!(texts(utc), ["2027-02-10T00:00:00.000Z"]);
    }

    #[test]
    fn a_window_ends_after_it_begins_there() {
        let tokyo = || TimeZone::find("Asia/Tokyo");
        let (date, midnight) = ("2027-02-10", "2027-02-09T15:00:00Z");
        assert!(Window::parse(Some(date), Some(midnight), tokyo()).is_none());
        assert!(Window::parse(Some(date), Some("2027-02-09T15:00:00.001Z"), tokyo()).is_some());
        // Both are the same moment, but one is a day after the other.
        let apia = TimeZone::find("Pacific/Apia");
        assert!(Window::parse(Some("2011-12-30"), Some("2011-12-31"), apia).is_some());
    }
}
