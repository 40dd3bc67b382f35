"""Rules for requests that the document cannot express, and the gateway's replies."""

import json
import os
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4
from zlib import crc32

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import UnsupportedMethodResponse, UseAfterFree

# Schemathesis generates headers of letters and digits only, which are never entity
# tags. A custom format generates tags for `If-Match` and `If-None-Match`.
opaque = st.uuids().map(str) | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'))
tag = st.builds('{}"{}"'.format, st.sampled_from(["", "W/"]), opaque)
tags = st.just("*") | st.lists(tag, min_size=1, max_size=5).map(", ".join)
schemathesis.openapi.format("entity-tags", tags)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for parameter in raw_schema["components"]["parameters"].values():
        # `docs` accepts anything, so its schema has no pattern.
        if parameter["name"] in ["If-Match", "If-None-Match"] and "pattern" in parameter["schema"]:
            parameter["schema"]["format"] = "entity-tags"


# The queries of the pages that `Link` pointed to.
pages = []

# The tokens that the feed of changes has returned.
tokens = []

# The paths of tasks that were restored, or created at an id of the client's.
revived = set()


@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation.definition.raw.get("operationId")
    if operation == "list-changes" and response.status_code == 200:
        tokens.append(response.json()["next"])
    is_restored = operation == "restore-task" and response.status_code == 200
    if is_restored or (operation == "update-task" and response.status_code == 201):
        revived.add(urlsplit(response.request.url).path.removesuffix("/restore"))
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
    """OpenAPI cannot express rules between parameters or requests, so cases meant to be
    valid are changed to follow them. Cases meant to be invalid stay as they are."""
    if case.meta.generation.mode.is_positive:
        operation = case.operation.definition.raw.get("operationId")
        if operation == "list-tasks":
            keep_list_rules(case)
        elif operation == "create-task":
            keep_key_rules(case)
        elif operation == "list-changes":
            keep_token_rules(case)
        elif operation == "update-task":
            keep_id_rules(case)
    return case


def keep_token_rules(case):
    """Only the API issues tokens. (Stateful tests must be repeatable, so they use none.)"""
    query = dict(case.query)
    if query.pop("since", None) is not None and tokens and case.meta.phase.name != TestPhase.STATEFUL:
        query["since"] = tokens[-1]
    case.query = query


def keep_id_rules(case):
    """With `If-None-Match: *`, an update is a create: it needs a title, and an id that was
    not made in the future."""
    if case.headers.get("If-None-Match") == "*":
        if isinstance(case.body, dict):
            case.body = {"title": "t"} | case.body
        task_id = case.path_parameters["task_id"]
        if task_id.lower() > "01a3":
            case.path_parameters["task_id"] = "01a0" + task_id[4:]


def keep_list_rules(case):
    query = dict(case.query)
    # Only the API issues cursors, each for one list. (Stateful tests must be
    # repeatable, so they use none.)
    may_remember = case.meta.phase.name != TestPhase.STATEFUL
    if query.pop("cursor", None) is not None and pages and may_remember:
        query = dict(pages[-1])
    elif query.get("status") == "deleted":
        # The trash has one order.
        for name in "sort", "due_after", "due_before":
            query.pop(name, None)
    elif "due_after" in query or "due_before" in query:
        query["sort"] = "due_date"
        # Comparing two moments as strings does not tell which is later.
        if "due_after" in query:
            query.pop("due_before", None)
    elif query.get("sort") == "deleted":
        query["status"] = "deleted"
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
    not 405. And a deleted task may have been restored."""
    if isinstance(failure, UseAfterFree):
        return not any(path in failure.message for path in revived)
    is_gateways = response.status_code == 404 and response.json() == {"message": "Not Found"}
    return not (isinstance(failure, UnsupportedMethodResponse) and is_gateways)


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
