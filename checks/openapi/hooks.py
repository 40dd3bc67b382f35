"""What the document cannot say about a request, and what the gateway answers."""

import json
import os
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4
from zlib import crc32

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import UnsupportedMethodResponse

# Schemathesis makes headers of letters and digits only, which no entity tag is.
# With a format of its own, `If-Match` and `If-None-Match` get tags.
opaque = st.uuids().map(str) | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'))
tag = st.builds('{}"{}"'.format, st.sampled_from(["", "W/"]), opaque)
tags = st.just("*") | st.lists(tag, min_size=1, max_size=5).map(", ".join)
schemathesis.openapi.format("entity-tags", tags)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for parameter in raw_schema["components"]["parameters"].values():
        # `docs` takes anything, and its schema has no pattern.
        if parameter["name"] in ["If-Match", "If-None-Match"] and "pattern" in parameter["schema"]:
            parameter["schema"]["format"] = "entity-tags"


# The queries of the pages that `Link` has led to.
pages = []


@schemathesis.hook
def after_call(context, case, response):
    for link in response.headers.get("link") or []:
        target = link.split(">")[0].lstrip("<")
        pages.append(dict(parse_qsl(urlsplit(target).query)))


@schemathesis.hook
def map_case(context, case):
    return keep_rules(case)


@schemathesis.hook
def before_add_examples(context, examples):
    for case in examples:
        keep_rules(case)


def keep_rules(case):
    """OpenAPI has no rules between parameters or requests, so cases that are to be
    valid are made to keep them. Those that are to be invalid stay as they are."""
    if case.meta.generation.mode.is_positive:
        operation = case.operation.definition.raw.get("operationId")
        if operation == "list-tasks":
            keep_list_rules(case)
        elif operation == "create-task":
            keep_key_rules(case)
    return case


def keep_list_rules(case):
    query = dict(case.query)
    # A cursor is the API's own, and belongs to its list. (Stateful tests must do the
    # same each time, so they have none.)
    may_remember = case.meta.phase.name != TestPhase.STATEFUL
    if query.pop("cursor", None) is not None and pages and may_remember:
        query = dict(pages[-1])
    elif "due_after" in query or "due_before" in query:
        query["sort"] = "due_date"
        # Which of two moments is the later, their texts do not tell.
        if "due_after" in query:
            query.pop("due_before", None)
    case.query = query


def keep_key_rules(case):
    """Schemathesis likes to use a key again, and hardly ever with the same task,
    which is 422. So most tasks put their own mark behind the key, and in stateful
    tests all keys are new, because a replayed task may be deleted already."""
    key = case.headers.get("Idempotency-Key")
    mark = crc32(json.dumps(case.body, sort_keys=True).encode())
    if key is not None and case.meta.phase.name == TestPhase.STATEFUL:
        case.headers["Idempotency-Key"] = f"{key[:219]}{uuid4()}"
    elif key is not None and len(key) <= 247 and mark % 4 > 0:
        case.headers["Idempotency-Key"] = f"{key}{mark:08x}"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A method that no route has is the gateway's to answer, and its answer is
    404 and not 405: HTTP APIs know no other."""
    is_gateways = response.status_code == 404 and response.json() == {"message": "Not Found"}
    return not (isinstance(failure, UnsupportedMethodResponse) and is_gateways)


@schemathesis.check
def problem_status(ctx, response, case):
    """The status in a problem is that of the reply."""
    if response.headers.get("content-type") == ["application/problem+json"]:
        assert response.json()["status"] == response.status_code


@schemathesis.check
def another_user_is_refused(ctx, response, case):
    """What a user may do with a task, another user may not. (Schemathesis has
    `object_level_authorization` for this, for reading only; the users that it
    needs make it send nearly all invalid requests without a valid token.)"""
    sent = response.request
    if "{task_id}" in case.operation.path and response.status_code in (200, 304):
        headers = {**sent.headers, "Authorization": f"Bearer {os.environ['OTHER_TOKEN']}"}
        other = requests.request(sent.method, sent.url, headers=headers, data=sent.body, timeout=15)
        assert other.status_code == 403, f"another user gets {other.status_code}"
        assert other.json()["detail"] == "Not authorized to access this task"
