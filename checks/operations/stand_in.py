"""A stand-in for AWS: moto's server, which records each call and can fail.

What moto lacks, and the scripts rely on, is added here:

- Lambda: an update of an alias gives it a new revision, and is refused with an old one.
- CloudFormation: aliases and CodeDeploy's resources are resources of the stack.
- CodeDeploy: StopDeployment, which takes the weights off the aliases.
- DynamoDB: maximum throughput; the range that can be restored; a restored table is first
  CREATING, lacks what AWS says it lacks, and has the items of the source as they are now:
  moto ignores the time.
"""

import io
import json
import re
import threading
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote

from moto.awslambda.models import LambdaAlias, lambda_backends
from moto.cloudformation.models import CloudFormationBackend
from moto.codedeploy.models import codedeploy_backends
from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

ACCOUNT, REGION = "123456789012", "eu-west-1"
LAMBDA = {
    ("GET", "versions"): "ListVersionsByFunction",
    ("GET", "aliases"): "GetAlias",
    ("PUT", "aliases"): "UpdateAlias",
    ("PUT", "concurrency"): "PutFunctionConcurrency",
    ("DELETE", "concurrency"): "DeleteFunctionConcurrency",
}
# Calls that change nothing; tests mostly look at the others.
READS = re.compile("(Describe|List|Get)[A-Z]")


class Refused(Exception):
    """An error that the stand-in returns itself."""

    def __init__(self, status: int, code: str, message: str):
        self.status, self.code, self.message = status, code, message


class QuietHandler(WSGIRequestHandler):
    def log(self, *_):
        pass


class StandIn:
    def __init__(self):
        self.app = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=QuietHandler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.reset()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reset(self) -> None:
        """Forgets calls, failures and what is said here about tables."""
        self.calls: list[tuple[str, dict]] = []
        self.failures: dict[str, list] = {}
        self.before: dict[str, callable] = {}
        self.throughput: dict[str, dict] = {}
        self.creating: dict[str, int] = {}
        self.resources: list[tuple[str, str, str]] = []

    def operations(self, reads: bool = False) -> list[str]:
        return [name for name, _ in self.calls if reads or not READS.match(name)]

    def requests(self, operation: str) -> list[dict]:
        return [request for name, request in self.calls if name == operation]

    def fail(self, operation: str, nth: int = 1, how: str = "throttled", times: int = 1) -> None:
        """Makes the nth call of an operation from now fail, or the nth `change`: it is
        `throttled`, `broken` (500), `cut`, or gets an error code."""
        self.failures[operation] = [nth, times, how]

    def __call__(self, environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)  # for moto to read again
        operation, request = name_of(environ, body)
        if operation is None:
            return self.app(environ, start_response)
        self.calls.append((operation, request))
        try:
            self._maybe_fail(operation, environ)
            own = getattr(self, f"_{operation}", None)
            if hook := self.before.pop(operation, None):
                hook()
            answer = own(request) if own else None
        except Refused as refused:
            return refuse(refused, start_response)
        if answer is not None:
            start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
            return [json.dumps(answer).encode()]
        if operation != "DescribeTable":
            return self.app(environ, start_response)
        got = []
        reply = b"".join(self.app(environ, lambda *status_and_headers: got.extend(status_and_headers)))
        # Without moto's headers: its length and checksum are those of its reply.
        start_response(got[0], [("Content-Type", "application/x-amz-json-1.0")])
        return [json.dumps(self._described(request["TableName"], json.loads(reply))).encode()]

    def _maybe_fail(self, operation: str, environ) -> None:
        failure = self.failures.get(operation)
        if not failure and not READS.match(operation):
            failure = self.failures.get("change")
        if not failure:
            return
        failure[0] -= 1
        if failure[0] > 0 or failure[1] == 0:
            return
        failure[1] -= 1
        how = failure[2]
        if how == "cut":
            environ["werkzeug.socket"].shutdown(2)
            raise ConnectionAbortedError
        if how == "broken":
            raise Refused(500, "InternalServerError", "We encountered an internal error")
        code = "ThrottlingException" if how == "throttled" else how
        raise Refused(400, code, "Rate exceeded" if how == "throttled" else "made to fail")

    # What moto lacks. Each returns a reply, or None to let moto answer.

    def _UpdateAlias(self, request: dict) -> None:
        alias = lambda_backends[ACCOUNT][REGION].get_alias("live", request["FunctionName"])
        if request.get("RevisionId") not in (None, alias.revision_id):
            raise Refused(412, "PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId")

    def _StopDeployment(self, request: dict) -> dict:
        deployment = codedeploy_backends[ACCOUNT][REGION].deployments[request["deploymentId"]]
        deployment.status = "Stopped"
        if request.get("autoRollbackEnabled"):
            alias = lambda_backends[ACCOUNT][REGION].get_alias("live", deployment.deployment_group_name.removesuffix("-group"))
            alias.update(None, None, {})
        return {"status": "Succeeded"}

    def _UpdateTable(self, request: dict) -> dict | None:
        limits = self.throughput.setdefault(request["TableName"], {})
        of_table = request.get("OnDemandThroughput")
        of_indexes = [update["Update"] for update in request.get("GlobalSecondaryIndexUpdates", [])]
        if of_table:
            limits[None] = of_table
        for index in of_indexes:
            limits[index["IndexName"]] = index["OnDemandThroughput"]
        return {"TableDescription": {}} if of_table or of_indexes else None

    def _described(self, name: str, reply: dict) -> dict:
        table = reply.get("Table", {})
        if self.creating.get(name, 0) > 0 and table:
            self.creating[name] -= 1
            table["TableStatus"] = "CREATING"
        limits = self.throughput.get(name, {})
        if None in limits:
            table["OnDemandThroughput"] = limits[None]
        for index in table.get("GlobalSecondaryIndexes") or []:
            if index["IndexName"] in limits:
                index["OnDemandThroughput"] = limits[index["IndexName"]]
        return reply


def name_of(environ, body: bytes) -> tuple[str | None, dict]:
    """The operation of a request, and its parameters."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target.split(".")[1], json.loads(body or b"{}")
    path = [unquote(part) for part in environ["PATH_INFO"].strip("/").split("/")]
    if "functions" in path:
        at = path.index("functions")
        operation = LAMBDA.get((environ["REQUEST_METHOD"], path[at + 2] if len(path) > at + 2 else ""))
        parameters = json.loads(body) if body else {}
        return operation, {"FunctionName": path[at + 1], **parameters} if operation else {}
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return form.get("Action"), form


def refuse(refused: Refused, start_response):
    start_response(f"{refused.status} Refused", [
        ("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", refused.code),
    ])
    return [json.dumps({"__type": refused.code, "message": refused.message}).encode()]


def add_to_moto(stand_in: StandIn):
    """The two things that are added inside moto. Returns what takes them out again."""
    list_resources, update = CloudFormationBackend.list_stack_resources, LambdaAlias.update

    def with_more(self, name):
        stack, resources = list_resources(self, name)
        more = [
            SimpleNamespace(cf_resource_type=kind, logical_resource_id=logical, physical_resource_id=physical)
            for kind, logical, physical in stand_in.resources
        ]
        return stack, [*resources, *more]

    def with_revision(self, description, function_version, routing_config):
        update(self, description, function_version, routing_config)
        self.revision_id = str(mock_random.uuid4())

    def take_out():
        CloudFormationBackend.list_stack_resources = list_resources
        LambdaAlias.update = update

    CloudFormationBackend.list_stack_resources = with_more
    LambdaAlias.update = with_revision
    return take_out
