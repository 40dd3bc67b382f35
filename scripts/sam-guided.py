#!/usr/bin/env python3
"""Runs the deployments of the README's transcripts with the real SAM CLI, and types what
is typed there. Nothing leaves this machine: all requests to AWS are answered here.

    scripts/sam-guided.py

It fails if Enter at a prompt would keep SAM from deploying, if SAM and a transcript
disagree about a prompt, if CloudFormation would get other parameters than were answered
or would reject them, or if the tracked samconfig.toml would change. Needs the Python that
has aws-sam-cli.
"""

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import botocore.client
import click
import tomlkit
from botocore.exceptions import ClientError
from samcli.cli.main import cli
from samcli.lib.utils import version_checker
from samcli.yamlhelper import yaml_dump, yaml_parse

REPOSITORY = Path(__file__).resolve().parent.parent
TEMPLATE = yaml_parse((REPOSITORY / "template.yaml").read_text())
PARAMETERS = TEMPLATE["Parameters"]
README = (REPOSITORY / "README.md").read_text()
CONFIG = (REPOSITORY / "samconfig.toml").read_text()
SETTINGS = tomlkit.parse(CONFIG).unwrap()

# The only prompt at which Enter may mean no, because production asks on purpose.
CONFIRMATION = "Deploy this changeset?"
NEXT = "deploy --config-file samconfig.local.toml"

# How long the names may be that contain the stack's.
NAME_LIMITS = {
    "AWS::AppConfig::Application Name": 64,
    "AWS::Budgets::Budget BudgetName": 100,
    "AWS::CloudWatch::Dashboard DashboardName": 255,
    "AWS::Lambda::Function FunctionName": 64,
    "AWS::Logs::LogGroup LogGroupName": 512,
    "AWS::SNS::Topic DisplayName": 100,
    "AWS::SSM::Parameter Name": 1011,
}
LONGEST_REGION = "ap-southeast-1"

WORK = tempfile.TemporaryDirectory()


class Wrong(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Wrong(message)


class Aws:
    """Answers what SAM asks AWS. `stack` are the parameters of the deployed stack, if any."""

    def __init__(self, stack):
        self.stack = stack
        self.change_set = None
        self.deployed = False

    def answer(self, operation, request):
        method = getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower(), None)
        check(method, f"SAM asked AWS for {operation}, which nothing here answers")
        return method(request)

    def get_caller_identity(self, _):
        return {"Account": "123456789012"}

    def head_object(self, _):
        raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")

    def put_object(self, _):
        return {}

    def describe_stacks(self, request):
        name = request["StackName"]
        if name == "aws-sam-cli-managed-default":
            tags = [{"Key": "ManagedStackSource", "Value": "AwsSamCli"}]
            outputs = [{"OutputKey": "SourceBucket", "OutputValue": "bucket"}]
            return {"Stacks": [{"StackName": name, "Tags": tags, "Outputs": outputs}]}
        if not self.stack and not self.deployed:
            raise rejection(f"Stack with id {name} does not exist")
        return {"Stacks": [{"StackName": name, "StackStatus": self.complete(), "Outputs": []}]}

    def get_template_summary(self, _):
        return {"Parameters": [{"ParameterKey": name} for name in self.stack]}

    def create_change_set(self, request):
        self.change_set = request
        validate(self.values())
        return {"Id": "change-set", "StackId": "stack"}

    def describe_change_set(self, _):
        return {"Status": "CREATE_COMPLETE", "Changes": []}

    def execute_change_set(self, _):
        self.deployed = True
        return {}

    def describe_stack_events(self, request):
        # SAM reads the last event before it deploys, and then waits for a later one.
        status, age = (self.complete(), -1) if self.deployed else ("REVIEW_IN_PROGRESS", 1)
        event = dict.fromkeys(["StackName", "LogicalResourceId"], request["StackName"])
        event.update(dict.fromkeys(["StackId", "PhysicalResourceId"], "stack"))
        event.update(EventId=status, ResourceStatus=status, ResourceType="AWS::CloudFormation::Stack")
        return {"StackEvents": [{**event, "Timestamp": datetime.now(timezone.utc) - timedelta(seconds=age)}]}

    def complete(self):
        return "UPDATE_COMPLETE" if self.stack else "CREATE_COMPLETE"

    def given(self):
        """The parameters that SAM passes."""
        parameters = self.change_set["Parameters"]
        return {it["ParameterKey"]: it["ParameterValue"] for it in parameters if not it.get("UsePreviousValue")}

    def values(self):
        """All parameters, as the stack gets them."""
        defaults = {name: str(it.get("Default", "")) for name, it in PARAMETERS.items()}
        return {**defaults, **self.stack, **self.given()}


def rejection(message):
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "CreateChangeSet")


def validate(values):
    """Rejects what CloudFormation would reject before it creates anything."""
    for name, value in values.items():
        allowed = [str(it) for it in PARAMETERS[name].get("AllowedValues", [value])]
        if value not in allowed or not re.fullmatch(PARAMETERS[name].get("AllowedPattern", ".*"), value):
            raise rejection(f"{name} does not accept {value!r}")
    for rule in TEMPLATE["Rules"].values():
        if holds(rule.get("RuleCondition", True), values):
            for assertion in rule["Assertions"]:
                if not holds(assertion["Assert"], values):
                    raise rejection(assertion["AssertDescription"])


RULE_FUNCTIONS = {
    "Fn::Not": lambda it: not it[0],
    "Fn::And": all,
    "Fn::Or": any,
    "Fn::Equals": lambda it: it[0] == it[1],
}


def holds(term, values):
    """Evaluates a condition of a rule, or a value in it."""
    if not isinstance(term, dict):
        return term
    ((function, operands),) = term.items()
    if function == "Ref":
        return values[operands]
    check(function in RULE_FUNCTIONS, f"{function} is new in the template's rules: teach it to this script")
    return RULE_FUNCTIONS[function]([holds(it, values) for it in operands])


class Transcript:
    """A block of the README that begins with `$ sam deploy`: the command, and the prompts
    that it shows, as label: (default, answer). A line with `…` stands for the others."""

    def __init__(self, block):
        command, *lines = block.splitlines()
        self.command = command.removeprefix("$ sam ")
        self.prompts = {}
        for line in lines:
            prompt = re.fullmatch(r"(.+?) \[(.*?)\]:(?: (.+))?", line)
            check(prompt or line.startswith("…"), f"README.md: this is no prompt: {line}")
            if prompt:
                self.prompts[prompt[1]] = (prompt[2], prompt[3] or "")

    def answers(self):
        return {label: answer for label, (_, answer) in self.prompts.items()}


def transcripts():
    found = [Transcript(it) for it in re.findall(r"```text\n(\$ sam deploy .*?)```", README, re.DOTALL)]
    check(len(found) == 2, "README.md needs two transcripts: of the first deployment, and of production's")
    return found


class Project:
    """A clone in which `sam build` seems to have run."""

    def __init__(self, folder):
        self.folder = Path(folder)
        (self.folder / "samconfig.toml").write_text(CONFIG)
        (self.folder / "samconfig.local.toml").write_text(CONFIG)
        template = yaml_parse((REPOSITORY / "template.yaml").read_text())
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = name
                (self.folder / ".aws-sam/build" / name).mkdir(parents=True)
                (self.folder / ".aws-sam/build" / name / "bootstrap").touch()
        for path in ["template.yaml", ".aws-sam/build/template.yaml"]:
            (self.folder / path).write_text(yaml_dump(template))

    def sam(self, command, answers=None, stack=None):
        """Runs SAM. Returns AWS afterwards, and the prompts as label: (default, answer)."""
        aws, prompts, screen, terminal = Aws(stack or {}), {}, io.StringIO(), sys.stdout

        def typed(_):
            line = screen.getvalue().rsplit("\n", 1)[-1]
            line = re.sub(r"\x1b\[\d+m", "", line).strip()
            label, default = re.fullmatch(r"(.+?)(?: \[(.*)\])?:", line).groups()
            prompts[label] = (default, (answers or {}).get(label, ""))
            screen.write(prompts[label][1] + "\n")
            print(f"{line} {prompts[label][1]}".rstrip(), file=terminal)
            return prompts[label][1]

        print(f"\n$ sam {command}", flush=True)
        os.chdir(self.folder)
        click.termui.visible_prompt_func = click.termui.hidden_prompt_func = typed
        botocore.client.BaseClient._make_api_call = lambda _, *request: aws.answer(*request)
        with contextlib.redirect_stdout(screen):
            cli(command.split(), standalone_mode=False)
        return aws, prompts


def deploy(transcript, answers=None):
    """Deploys a new stack as in a transcript, but with these other answers."""
    project = Project(tempfile.mkdtemp(dir=WORK.name))
    aws, prompts = project.sam(transcript.command, {**transcript.answers(), **(answers or {})})
    check(aws.deployed, f"SAM ended without deploying, after the prompt: {[*prompts][-1]}")
    tags = {it["Key"]: it["Value"] for it in aws.change_set["Tags"]}
    check(tags.get("project") == "tasks-api", f"the stack has the tags {tags}")
    return project, aws, prompts


def follow(transcript, known):
    """Deploys as in a transcript, which must be what SAM shows. `known` are the prompts of
    all transcripts: those of parameters may be left out."""
    project, aws, prompts = deploy(transcript)
    new = [it for it in prompts if it not in known and not it.startswith("Parameter ")]
    check(not new, f"no transcript in README.md has SAM's prompt: {new}")
    shown = {label: it for label, it in prompts.items() if label in transcript.prompts}
    check(list(shown.items()) == list(transcript.prompts.items()), f"README.md should show: {shown}")
    for label, (default, answer) in prompts.items():
        check(not answer or not default or label == CONFIRMATION, f"Enter does not do at the prompt: {label}")
    answered = {f"Parameter {name}": value for name, value in aws.given().items()}
    expected = {it: answer or default for it, (default, answer) in prompts.items() if it.startswith("Parameter ")}
    check(answered == expected, f"CloudFormation gets {answered} instead of {expected}")
    check(aws.given()["BetterAuthSecretName"] == "", "a deployment with a key set asks for a secret")
    check(len(expected) == len(PARAMETERS), "SAM does not ask for each parameter of the template")
    check((project.folder / "samconfig.toml").read_text() == CONFIG, "SAM changed samconfig.toml")
    return project, aws


def deploy_again(project, aws):
    """The answers were saved: nothing is asked, and nothing changes."""
    again, prompts = project.sam(NEXT, stack=aws.values())
    check(again.deployed and not prompts, f"the next deployment asks {list(prompts)}")
    check(again.given() == aws.given(), f"the next deployment passes {again.given()}")


def deploy_without_identity(transcript):
    nobody = {label: "" for label in transcript.prompts}
    try:
        deploy(transcript, nobody)
    except Exception as error:
        check("Set JwksUrl (recommended) or BetterAuthSecretName" in str(error), f"SAM fails otherwise: {error}")
        print(f"-> {error}")
    else:
        raise Wrong("CloudFormation accepts a stack that accepts nobody's tokens")


def deploy_with_secret(transcript):
    answers = {label: "" for label in transcript.prompts if "Jw" in label}
    answers["Parameter BetterAuthSecretName"] = "tasks-api/better-auth-secret"
    _, aws, _ = deploy(transcript, answers)
    got = {name: value for name, value in aws.given().items() if "Jw" in name or "Secret" in name}
    secret = got.pop("BetterAuthSecretName")
    check(secret == "tasks-api/better-auth-secret" and not any(got.values()), f"CloudFormation gets {got}")


def save_into_the_tracked_file(transcript):
    """Without --config-file. SAM then changes nothing but the environment it saves."""
    plain = Transcript("$ sam deploy --guided")
    project, _, _ = deploy(plain, transcript.answers())
    saved = (project.folder / "samconfig.toml").read_text()
    check(saved != CONFIG, "SAM saved nothing")
    comments = [line for line in CONFIG.splitlines() if line.lstrip().startswith("#")]
    check([it for it in saved.splitlines() if it.lstrip().startswith("#")] == comments, "SAM dropped comments")
    others = {name: it for name, it in tomlkit.parse(saved).unwrap().items() if name != "default"}
    check(others == {name: it for name, it in SETTINGS.items() if name != "default"}, "SAM changed other environments")


def change_one_parameter(project, aws):
    """What is left out keeps its value; two quotes make a value empty."""
    again, _ = project.sam(
        f'{NEXT} --config-env prod --no-confirm-changeset --parameter-overrides Canary=false AlarmEmail=""',
        stack=aws.values(),
    )
    check(again.given() == {"Canary": "false", "AlarmEmail": ""}, f"SAM passes {again.given()}")
    check(again.values() == {**aws.values(), **again.given()}, "the others do not keep their values")


def longest_stack_name():
    """The longest with which the template's names are not too long."""
    room = 128
    for resource in TEMPLATE["Resources"].values():
        for name, value in names(resource.get("Properties", {})):
            kind = f"{resource['Type']} {name}"
            check(kind in NAME_LIMITS, f"how long may {kind} be? Add it to NAME_LIMITS")
            rest = value.replace("${AWS::StackName}", "").replace("${AWS::Region}", LONGEST_REGION)
            check("$" not in rest, f"the length of {kind} is unknown: {value}")
            room = min(room, NAME_LIMITS[kind] - len(rest))
    return room


def names(properties):
    """The properties that are names and contain the stack's: pairs of key and text."""
    for key, value in properties.items() if isinstance(properties, dict) else enumerate(properties):
        text = "${AWS::StackName}" if value == {"Ref": "AWS::StackName"} else None
        if isinstance(value, dict) and isinstance(value.get("Fn::Sub"), str):
            text = value["Fn::Sub"]
        if str(key).endswith("Name") and text and "${AWS::StackName}" in text:
            yield key, text
        elif isinstance(value, (dict, list)):
            yield from names(value)


def check_names():
    longest = longest_stack_name()
    check(f"{longest} characters" in README, f"README.md should say that a stack's name has {longest} characters at most")
    for environment, commands in SETTINGS.items():
        if environment != "version":
            name = commands["deploy"]["parameters"]["stack_name"]
            check(len(name) <= longest, f"samconfig.toml: {name} has more than {longest} characters")


def isolate():
    """Takes this machine's account and SAM's own calls home out of it."""
    for name in [it for it in os.environ if it.startswith(("AWS_", "SAM_"))]:
        del os.environ[name]
    os.environ.update(
        AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", AWS_DEFAULT_REGION="us-east-1",
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        SAM_CLI_TELEMETRY="0", SAM_CLI_POLL_DELAY="0.01", __SAM_CLI_APP_DIR=WORK.name,
    )
    version_checker.is_version_check_overdue = lambda _: False


def main():
    isolate()
    check_names()
    development, production = transcripts()
    known = {**development.prompts, **production.prompts}
    deploy_again(*follow(development, known))
    deploy_with_secret(development)
    deploy_without_identity(development)
    save_into_the_tracked_file(development)
    change_one_parameter(*follow(production, known))
    print("\nall good: SAM asks what README.md shows, and Enter never keeps it from deploying")


if __name__ == "__main__":
    try:
        main()
    # SAM's own errors are click's.
    except (Wrong, click.ClickException) as error:
        sys.exit(f"\nFAILED: {error}")
