"""Writes a calendar with icalendar. Reads its to-dos as JSON, from standard input."""

import json
import sys
from datetime import date, datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Todo


def due(text: str | None, zone: str | None) -> date | datetime | None:
    if text is None or "T" not in text:
        return text and date.fromisoformat(text)
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) if zone else datetime.fromisoformat(text)


calendar = Calendar.new()
for read in json.load(sys.stdin):
    to_do = Todo.new(
        uid=read["uid"],
        summary=read["summary"],
        description=read["description"],
        categories=read["categories"],
        priority=read["priority"],
        status=read["status"],
        end=due(read["due"], read["zone"]),
        created=datetime.fromisoformat(read["created"]),
    )
    if read["completed"]:
        to_do.add("COMPLETED", datetime.fromisoformat(read["completed"]))
    calendar.add_component(to_do)
calendar.add_missing_timezones()
sys.stdout.buffer.write(calendar.to_ical())
