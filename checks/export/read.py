"""Reads tables with Python's csv and calendars with icalendar, as strictly as these can.

Writes an array as JSON, with an element for each file named: the rows of a table, the to-dos of a
calendar.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from io import StringIO
from pathlib import Path

from icalendar import Calendar, Component, Todo
from icalendar.parser import Contentline, Contentlines

LABELS = 5


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text, newline=""), strict=True))


def rows(text: str) -> list[list[str | list[str]]]:
    """The rows without the marks before what could be a formula, and with lists of labels."""
    dangerous = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
    read = cells(text)
    for row in read:
        assert not any(cell.startswith(dangerous) for cell in row), row
    outside = re.sub('"[^"]*"', "", text)
    assert not re.search("[;\\t]", outside), "LibreOffice would take that for a separator"
    head, *others = [[cell.removeprefix("'") for cell in row] for row in read]
    for row in others:
        labels = cells(row[LABELS])
        assert len(labels) <= 1, row
        row[LABELS] = labels[0] if labels else []
    return [head, *others]


def check(calendar: Calendar) -> None:
    """Components have what icalendar says they must have. It does not insist by itself."""
    calendar.validate()
    assert not calendar.get_missing_tzids()
    for component in calendar.walk():
        assert not component.errors, component.errors
        assert all(name in component for name in component.required), component
        assert not any(isinstance(component.get(name), list) for name in component.singletons), component
        assert sum(name in component for name in component.exclusive) <= 1, component
    for zone in calendar.timezones:
        moments, _ = zone.get_transitions()
        assert moments, zone


def lines(text: str) -> list[str]:
    """The lines without what icalendar does not write as it was.

    It leaves out byte order marks, and writes times in a zone called UTC as moments.
    """
    unmarked = [line.replace("\ufeff", "") for line in Contentlines.from_ical(text)]
    return [re.sub("^DUE;TZID=UTC:(.*)", r"DUE:\1Z", line) for line in unmarked]


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def due(to_do: Todo, zones: dict[str, tzinfo]) -> dict[str, str | None]:
    if "DUE" not in to_do:
        return {"due": None, "zone": None, "at": None}
    zone, value = to_do["DUE"].params.get("TZID"), to_do["DUE"].dt
    if not isinstance(value, datetime):
        return {"due": value.isoformat(), "zone": zone, "at": None}
    if zone is None and value.tzinfo is not None:
        return {"due": utc(value), "zone": None, "at": utc(value)}
    local = value.replace(tzinfo=None)
    # icalendar prefers its own zone of this name to the one in the calendar.
    at = zone and utc(local.replace(tzinfo=zones[zone]))
    return {"due": local.isoformat(), "zone": zone, "at": at}


def one(component: Component, name: str) -> str | None:
    return str(component[name]) if name in component else None


def to_dos(text: str) -> Iterator[dict[str, object]]:
    for line in Contentlines.from_ical(text):
        if line:
            Contentline(line, strict=True).parts()
    calendar = Calendar.from_ical(text)
    check(calendar)
    assert lines(calendar.to_ical(sorted=False).decode()) == lines(text)
    zones = {zone.tz_name: zone.to_tz(lookup_tzid=False) for zone in calendar.timezones}
    for to_do in calendar.todos:
        names = ("created", "last-modified", "dtstamp", "completed")
        yield {
            "uid": to_do.uid,
            "summary": one(to_do, "SUMMARY"),
            "description": one(to_do, "DESCRIPTION"),
            "categories": [str(category) for category in to_do.categories],
            "priority": to_do.priority,
            "status": to_do.status,
            **due(to_do, zones),
            **{name: utc(to_do[name].dt) if name in to_do else None for name in names},
        }


def read(path: Path) -> object:
    text = path.read_bytes().decode("utf-8")
    if path.suffix == ".ics":
        return list(to_dos(text))
    assert text.startswith("\ufeff"), "Excel needs a byte order mark"
    return rows(text[1:])


json.dump([read(Path(name)) for name in sys.argv[1:]], sys.stdout)
