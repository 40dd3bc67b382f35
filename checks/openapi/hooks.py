"""Rules for requests that the document cannot express, and the gateway's replies."""

import csv
import json
import os
from collections import defaultdict
from functools import cache
from io import StringIO
from unicodedata import category
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from zlib import crc32
from zoneinfo import available_timezones

import jsonschema_rs
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import UnsupportedMethodResponse, UseAfterFree

# Schemathesis generates headers of letters and digits only, which are never entity
# tags. A custom format generates tags for `If-Match` and `If-None-Match`.
opaque = st.uuids().map(str) | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'))
tag = st.builds('{}"{}"'.format, st.sampled_from(["", "W/"]), opaque)
tags = st.just("*") | st.lists(tag, min_size=1, max_size=5).map(", ".join)
schemathesis.openapi.format("entity-tags", tags)

# Letters hardly ever make the name of a time zone.
time_zones = ["Europe/Berlin", "america/chicago", "Pacific/Kiritimati", "Etc/GMT+12", "UTC"]
schemathesis.openapi.format("time-zone", st.sampled_from(time_zones))
known_zones = {zone.lower() for zone in {*available_timezones(), *time_zones}} - {"factory"}


# The components of the document.
components = {}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    components.update(raw_schema["components"])
    components["schemas"]["TimeZone"]["format"] = "time-zone"
    for parameter in raw_schema["components"]["parameters"].values():
        # `docs` accepts anything, so its schema has no pattern.
        if parameter["name"] in ["If-Match", "If-None-Match"] and "pattern" in parameter["schema"]:
            parameter["schema"]["format"] = "entity-tags"


# The queries of the pages that `Link` pointed to, by operation.
pages = defaultdict(list)

# The tokens that the feed of changes has returned.
tokens = []

# The ids of tasks that batches have written.
written = []

# The paths of tasks that were restored, or created at an id of the client's. In lower case,
# as ids are the same in either.
revived = set()


@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation.definition.raw.get("operationId")
    if operation == "list-changes" and response.status_code == 200:
        tokens.append(response.json()["next"])
    is_restored = operation == "restore-task" and response.status_code == 200
    if is_restored or (operation == "update-task" and response.status_code == 201):
        revived.add(urlsplit(response.request.url).path.removesuffix("/restore").lower())
    if operation == "batch-tasks" and response.status_code == 200:
        for write, result in zip(json_sent(response)["operations"], response.json()["results"]):
            if "task" in result:
                written.append(result["task"]["id"])
                if write["op"] in ("create", "restore"):
                    revived.add(f"/api/tasks/{written[-1]}")
    for link in response.headers.get("link") or []:
        target = link.split(">")[0].lstrip("<")
        query = parse_qs(urlsplit(target).query)
        arrays = "label", "priority"
        pages[operation].append({name: query[name] if name in arrays else query[name][0] for name in query})


@schemathesis.hook
def map_case(context, case):
    return keep_rules(case)


@schemathesis.hook
def before_add_examples(context, examples):
    for case in examples:
        keep_rules(case)


def keep_rules(case):
    """OpenAPI cannot express rules between parameters or requests, so cases meant to be
    valid are changed to follow them. Cases meant to be invalid stay as they are."""
    if case.meta.generation.mode.is_positive:
        operation = case.operation.definition.raw.get("operationId")
        if operation == "list-tasks":
            keep_list_rules(case)
        elif operation == "create-task":
            case.body = keep_due_rules(case.body)
            keep_key_rules(case)
        elif operation == "list-changes":
            keep_token_rules(case)
        elif operation == "update-task":
            case.body = keep_due_rules(case.body)
            keep_id_rules(case)
        elif operation == "batch-tasks":
            keep_batch_rules(case)
        elif operation == "export-tasks":
            keep_cursor_rules(case, operation)
        elif operation == "erase-tasks":
            # Of a user who has no tasks: `schemathesis.toml` sends the token.
            case.query = {**case.query, "confirm": os.environ["ERASED_USER"]}
            keep_cursor_rules(case, operation)
    return case


def keep_cursor_rules(case, operation):
    """Only the API issues cursors. (Stateful tests must be repeatable, so they use none.)"""
    query = dict(case.query)
    if query.pop("cursor", None) is not None and pages[operation] and case.meta.phase.name != TestPhase.STATEFUL:
        query = dict(pages[operation][-1])
    case.query = query


def keep_token_rules(case):
    """Only the API issues tokens. (Stateful tests must be repeatable, so they use none.)"""
    query = dict(case.query)
    if query.pop("since", None) is not None and tokens and case.meta.phase.name != TestPhase.STATEFUL:
        query["since"] = tokens[-1]
    case.query = query


def keep_due_rules(fields):
    """A task is due in a time zone that exists."""
    if isinstance(fields, dict) and isinstance(fields.get("due"), dict) and "time_zone" in fields["due"]:
        fields = fields | {"due": fields["due"] | {"time_zone": known_zone(fields["due"]["time_zone"])}}
    return fields


def known_zone(name):
    return name if name.lower() in known_zones else time_zones[crc32(name.encode()) % len(time_zones)]


def keep_id_rules(case):
    """With `If-None-Match: *`, an update is a create: it needs a title, and an id that was
    not made in the future."""
    if case.headers.get("If-None-Match") == "*":
        if isinstance(case.body, dict):
            case.body = {"title": "t"} | case.body
        case.path_parameters["task_id"] = not_ahead(case.path_parameters["task_id"])


def not_ahead(task_id):
    return "01a0" + task_id[4:] if is_ahead(task_id) else task_id


def is_ahead(task_id):
    return task_id.lower() > "01a3"


def keep_batch_rules(case):
    """Each operation has another id, and that of a create was not made in the future. Hardly
    any id that is made up is the one of a task, so most are replaced by one that is. (Stateful
    tests must be repeatable, so theirs are not.)"""
    may_remember = case.meta.phase.name != TestPhase.STATEFUL
    ids, operations = set(), []
    for index, write in enumerate(case.body["operations"]):
        task_id = not_ahead(write["id"]) if write["op"] == "create" else write["id"]
        if may_remember and written and crc32(task_id.encode()) % 4 > 0:
            task_id = written[-1 - index % len(written)]
        while task_id.lower() in ids:
            task_id = f"{task_id[:24]}{int(task_id[24:], 16) + 1 & 0xFFFFFFFFFFFF:012x}"
        ids.add(task_id.lower())
        content = {name: keep_due_rules(write[name]) for name in ("task", "changes") if name in write}
        operations.append(write | {"id": task_id} | content)
    case.body = {"operations": operations}


def keep_list_rules(case):
    query = dict(case.query)
    # Accents and invisible characters are no words.
    if "q" in query and not any(category(c) in ("Lu", "Ll", "Lo", "Nd") for c in query["q"]):
        query["q"] = "t"
    # Only the API issues cursors, each for one list. (Stateful tests must be
    # repeatable, so they use none.)
    may_remember = case.meta.phase.name != TestPhase.STATEFUL
    if query.pop("cursor", None) is not None and pages["list-tasks"] and may_remember:
        query = dict(pages["list-tasks"][-1])
    elif query.get("status") == "deleted":
        # The trash has one order.
        for name in "sort", "due_after", "due_before", "time_zone":
            query.pop(name, None)
    elif "due_after" in query or "due_before" in query:
        query["sort"] = "due_date"
        # Comparing two moments as strings does not tell which is later.
        if "due_after" in query:
            query.pop("due_before", None)
    elif query.get("sort") == "deleted":
        query["status"] = "deleted"
    if "due_after" not in query and "due_before" not in query:
        # It says where they are meant.
        query.pop("time_zone", None)
    elif "time_zone" in query:
        query["time_zone"] = known_zone(query["time_zone"])
    case.query = query


def keep_key_rules(case):
    """Schemathesis often reuses a key, and hardly ever with the same task, which
    returns 422. So most tasks append a checksum to the key. In stateful tests all keys
    are new, because a replayed task may already be deleted."""
    key = case.headers.get("Idempotency-Key")
    mark = crc32(json.dumps(case.body, sort_keys=True).encode())
    if key is not None and case.meta.phase.name == TestPhase.STATEFUL:
        case.headers["Idempotency-Key"] = f"{key[:219]}{uuid4()}"
    elif key is not None and len(key) <= 247 and mark % 4 > 0:
        case.headers["Idempotency-Key"] = f"{key}{mark:08x}"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """The gateway answers methods that no route has. HTTP APIs return 404 for them,
    not 405. A deleted task may have been restored. Members of `due` that are null count as
    absent. And what is wrong with the content of an operation is in its result (see
    `batch_results`)."""
    if isinstance(failure, UseAfterFree):
        return not any(path in failure.message.lower() for path in revived)
    if isinstance(failure, AcceptedNegativeData) and case.operation.path == "/api/batch":
        return not is_batch(json_sent(response)) or all(map(fits_schema, json_sent(response)["operations"]))
    if isinstance(failure, AcceptedNegativeData) and without_nulls(json_sent(response)) != json_sent(response):
        return False
    is_gateways = response.status_code == 404 and response.json() == {"message": "Not Found"}
    return not (isinstance(failure, UnsupportedMethodResponse) and is_gateways)


def json_sent(response):
    """The JSON that was sent, or None."""
    try:
        return json.loads(response.request.body or b"")
    except ValueError:
        return None


@cache
def writes():
    """The members that each kind of operation may have, and a validator of its schema."""
    kinds = {}
    for one in components["schemas"]["Operation"]["oneOf"]:
        schema = components["schemas"][one["$ref"].split("/")[-1]]
        validator = jsonschema_rs.Draft202012Validator({**one, "components": components})
        kinds[schema["properties"]["op"]["const"]] = set(schema["properties"]), validator
    return kinds


def is_batch(body):
    """Whether a batch is accepted, whatever the content of its operations."""
    if not isinstance(body, dict) or set(body) != {"operations"}:
        return False
    operations = body["operations"]
    if not isinstance(operations, list) or not 1 <= len(operations) <= 100:
        return False
    ids = set()
    for write in operations:
        if not isinstance(write, dict) or not isinstance(write.get("id"), str):
            return False
        op = write.get("op")
        if not isinstance(op, str) or op not in writes() or not set(write) <= writes()[op][0]:
            return False
        # Only ASCII has case here.
        ids.add(write["id"].encode().lower())
    return len(ids) == len(operations)


def fits_schema(write):
    return writes()[write["op"]][1].is_valid(write)


def is_valid(write):
    content = {name: without_nulls(write[name]) for name in ("task", "changes") if name in write}
    return fits_schema(write | content)


def without_nulls(fields):
    """The fields of a task, without the members of `due` that count as absent."""
    if not isinstance(fields, dict) or not isinstance(fields.get("due"), dict):
        return fields
    return fields | {"due": {name: value for name, value in fields["due"].items() if value is not None}}


def is_due_somewhere(write):
    """Whether the rule holds that the schema of `due` cannot express: its time zone exists."""
    fields = write.get("task", write.get("changes"))
    due = fields.get("due") if isinstance(fields, dict) else None
    return not due or (due.get("time_zone") or "UTC").lower() in known_zones


@schemathesis.check
def batch_results(ctx, response, case):
    """A batch is accepted or not by its shape alone, and each operation by its content. Its
    result has the status of its problem."""
    if case.operation.path != "/api/batch" or response.status_code not in (200, 400):
        return
    body = json_sent(response)
    assert (response.status_code == 200) == is_batch(body), "a batch is accepted by its shape"
    if response.status_code == 400:
        return
    results = response.json()["results"]
    assert len(results) == len(body["operations"]), "an operation has one result"
    for write, result in zip(body["operations"], results):
        assert result.get("problem", result)["status"] == result["status"]
        statuses = {400} if not is_valid(write) else {200, 201, 204, 403, 404, 409, 412}
        if is_valid(write) and not is_due_somewhere(write):
            statuses.add(400)
        if write["op"] == "create" and is_ahead(write["id"]):
            statuses.add(400)
        elif write["op"] != "create" and not is_task_id(write["id"]):
            # Its content is looked at first.
            statuses.add(404)
        assert result["status"] in statuses, f"{write} has {result}"


def is_task_id(text):
    return jsonschema_rs.is_valid(components["schemas"]["OperationId"], text)


@schemathesis.check
def problem_status(ctx, response, case):
    """The status in a problem equals the status of the reply."""
    if response.headers.get("content-type") == ["application/problem+json"]:
        assert response.json()["status"] == response.status_code


@schemathesis.check
def another_user_is_refused(ctx, response, case):
    """Another user may not do what a user may do with a task. (Schemathesis's
    `object_level_authorization` covers reading only, and the users it needs make it
    send nearly all invalid requests without a valid token.)"""
    sent = response.request
    # At an id of the client's, anybody may create a task of their own.
    is_create = sent.method == "PUT" and sent.headers.get("If-None-Match") == "*"
    if "{task_id}" in case.operation.path and response.status_code in (200, 304) and not is_create:
        headers = {**sent.headers, "Authorization": f"Bearer {os.environ['OTHER_TOKEN']}"}
        other = requests.request(sent.method, sent.url, headers=headers, data=sent.body, timeout=15)
        assert other.status_code == 403, f"another user gets {other.status_code}"
        assert other.json()["detail"] == "Not authorized to access this task"


@schemathesis.check
def another_user_is_refused_in_a_batch(ctx, response, case):
    """As `another_user_is_refused`, for the operations of a batch that wrote a task."""
    if case.operation.path != "/api/batch" or response.status_code != 200:
        return
    pairs = zip(json_sent(response)["operations"], response.json()["results"])
    operations = [write for write, result in pairs if write["op"] != "create" and result["status"] == 200]
    if operations:
        headers = {"Authorization": f"Bearer {os.environ['OTHER_TOKEN']}"}
        other = requests.post(response.request.url, headers=headers, json={"operations": operations}, timeout=15)
        statuses = {result["status"] for result in other.json()["results"]}
        assert statuses == {403}, f"another user gets {statuses}"


@schemathesis.check
def another_user_cannot_confirm_an_erasure(ctx, response, case):
    """What a user may send to erase everything, another user may not."""
    if case.operation.path == "/api/account-data" and response.status_code in (202, 204):
        headers = {"Authorization": f"Bearer {os.environ['OTHER_TOKEN']}"}
        other = requests.delete(response.request.url, headers=headers, timeout=15)
        assert other.status_code == 400, f"another user gets {other.status_code}"
        assert "confirm" in [error["field"] for error in other.json()["errors"]]


@schemathesis.check
def an_export_is_a_file_of_its_format(ctx, response, case):
    """Rows of CSV have all columns and no formula; lines of a calendar are folded."""
    if case.operation.path != "/api/export" or response.status_code != 200:
        return
    media_type = response.headers["content-type"][0]
    if media_type.startswith("text/csv"):
        text = response.content.decode()
        assert text.startswith("\ufeffid,title,") == ("header=present" in media_type)
        rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))
        assert {len(row) for row in rows} <= {13}
        assert not any(cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) for row in rows for cell in row)
    elif media_type.startswith("text/calendar"):
        *lines, end = response.content.split(b"\r\n")
        assert (lines[0], lines[-1], end) == (b"BEGIN:VCALENDAR", b"END:VCALENDAR", b"")
        assert max(map(len, lines)) <= 75
