"""What all tests share: the stand-in, the AWS CLI, and a small stack."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import boto3
from moto.awslambda.models import lambda_backends
from moto.cloudformation.models import cloudformation_backends
from moto.dynamodb.models import dynamodb_backends
from preloaded_cli import Cli
from stand_in import ACCOUNT, REGION, StandIn, add_to_moto

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
STACK = "tasks-api"
WRITERS = ["CreateTask", "UpdateTask", "DeleteTask", "ToggleTask", "RestoreTask", "BatchTasks", "EraseTasks", "Mcp"]
FUNCTIONS = [*WRITERS, "Health"]
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
TAGS = [{"Key": "project", "Value": "tasks & more"}, {"Key": "owner", "Value": "Zoë"}]


def template() -> dict:
    """A stack like template.yaml's, as far as the scripts look at it. Its aliases are added
    by the stand-in."""
    key = {"AttributeName": "user_id", "AttributeType": "S"}
    index = {
        "IndexName": "by_id",
        "KeySchema": [{"AttributeName": "user_id", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [key],
            "KeySchema": [{"AttributeName": "user_id", "KeyType": "HASH"}],
            "DeletionProtectionEnabled": True,
            "Tags": [*TAGS, {"Key": "aws:cloudformation:stack-name", "Value": STACK}],
        },
    }
    tasks = {**table, "Properties": {**table["Properties"], "GlobalSecondaryIndexes": [index]}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": "-"}, "Environment": {"Variables": {"TASKS_TABLE": {"Ref": "TasksTable"}}},
        },
    }
    return {
        "Parameters": {"ReservedConcurrency": {"Type": "Number", "Default": 0}},
        "Resources": {
            "TasksTable": tasks, "IdempotencyTable": table, "Role": role,
            **{f"{name}Function": function for name in FUNCTIONS},
        },
        "Outputs": {
            f"{name}Name": {"Value": {"Ref": name}} for name in ("TasksTable", "IdempotencyTable")
        },
    }


class OperationsCase(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.cli = Cli(Path(cls.folder.name))
        cls.addClassCleanup(cls.cli.stop)
        cls.aws = StandIn()
        cls.addClassCleanup(cls.aws.stop)
        cls.addClassCleanup(add_to_moto(cls.aws))
        cls.clients = {}

    def setUp(self):
        self.create_stack()
        self.aws.reset()
        self.prepare()
        self.aws.calls.clear()

    def prepare(self) -> None:
        """What the tests of a class need besides the stack."""

    def create_stack(self, **parameters: str) -> None:
        """The stack, and nothing else."""
        for backends in lambda_backends, cloudformation_backends, dynamodb_backends:
            backends.reset()
        self.client("cloudformation").create_stack(
            StackName=STACK, TemplateBody=json.dumps(template()),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )

    def client(self, service: str):
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service, endpoint_url=self.aws.url, region_name=REGION,
                aws_access_key_id="test", aws_secret_access_key="test",
            )
        return self.clients[service]

    @property
    def stack(self):
        return next(iter(cloudformation_backends[ACCOUNT][REGION].stacks.values()))

    def physical(self, logical: str) -> str:
        return self.stack.resource_map[logical].physical_resource_id

    def run_script(self, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Runs a script; failed calls are not repeated, so that each counts."""
        own = {
            "PATH": f"{self.cli.path}:{os.environ['PATH']}", "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_MAX_ATTEMPTS": "1", "RESTORE_PAUSE": "0", "ROLLBACK_PAUSE": "0", "ROLLBACK_TRIES": "3",
            "HOME": self.folder.name, "LANG": "C.UTF-8", **KEYS,
        }
        return subprocess.run(
            ["bash", SCRIPTS / name, *arguments], env=own | environment,
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        )

    def passes(self, *arguments: str, **environment: str) -> str:
        done = self.run_script(*arguments, **environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def fails(self, *arguments: str, **environment: str) -> tuple[str, str]:
        done = self.run_script(*arguments, **environment)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("FAILED: ", done.stderr)
        return done.stdout, done.stderr
