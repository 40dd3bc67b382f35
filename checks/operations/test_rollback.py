"""scripts/rollback.sh. Each test's name says what the script does."""

import subprocess
import sys
import unittest
from pathlib import Path

from case import SCRIPTS, STACK, OperationsCase
from moto.awslambda.models import lambda_backends
from moto.codedeploy.models import codedeploy_backends
from stand_in import ACCOUNT, REGION

OLD, FIRST, SECOND = "release v1.2.2-1, settings 6", "release v1.2.3-1, settings 6", "release v1.2.3-2, settings 7"
NEW = "release v1.3.0-1, settings 7"
# Not all of the stack: each costs calls.
FUNCTIONS = ["CreateTask", "Health"]


class Rollback(OperationsCase):
    def prepare(self):
        self.names = {name: self.physical(f"{name}Function") for name in FUNCTIONS}
        for name in self.names.values():
            for description in OLD, FIRST, SECOND, NEW:
                self.publish(name, description)
            self.add_alias(name, "4")

    # Without requests, which would take longer than the tests.
    lambdas = property(lambda self: lambda_backends[ACCOUNT][REGION])

    def add_alias(self, name: str, version: str) -> None:
        self.lambdas.create_alias("live", name, version, "", {})
        self.aws.resources.append(("AWS::Lambda::Alias", "Alias", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:live"))

    def publish(self, name: str, description: str, **variables: str) -> str:
        change = {"Environment": {"Variables": variables}} if variables else {"MemorySize": 256}
        self.lambdas.update_function_configuration(name, None, change)
        return str(self.lambdas.publish_version(name, description).version)

    def add_function(self, *descriptions: str) -> str:
        """A function that is not in all releases."""
        template = self.lambdas.get_function(self.names["Health"])
        name = "tasks-api-CountTasks"
        self.client("lambda").create_function(
            FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=template.role,
            Code={"ZipFile": b"-"}, Environment={"Variables": template.environment_vars},
        )
        for description in descriptions:
            version = self.publish(name, description)
        self.add_alias(name, version)
        return name

    def alias(self, name: str):
        return self.lambdas.get_alias("live", self.names.get(name, name))

    def weigh(self, name: str) -> None:
        self.alias(name).update(None, None, {"AdditionalVersionWeights": {"4": 0.1}})

    def versions(self) -> list[str]:
        return [str(self.alias(name).function_version) for name in FUNCTIONS]

    def move_all_to(self, version: str) -> None:
        for name in FUNCTIONS:
            self.alias(name).update(None, version, None)

    def start_canary(self, creator: str = "user") -> dict[str, str]:
        """A CodeDeploy deployment for each function, and the alias with weights."""
        self.stack.status = "UPDATE_IN_PROGRESS"
        self.move_all_to("3")
        deployments, ids = self.client("codedeploy"), {}
        deployments.create_application(applicationName="app", computePlatform="Lambda")
        self.aws.resources.append(("AWS::CodeDeploy::Application", "ServerlessDeploymentApplication", "app"))
        for name in FUNCTIONS:
            group = f"{self.names[name]}-group"
            deployments.create_deployment_group(applicationName="app", deploymentGroupName=group, serviceRoleArn="-")
            revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}
            ids[name] = deployments.create_deployment(applicationName="app", deploymentGroupName=group, revision=revision)["deploymentId"]
            self.aws.resources.append(("AWS::CodeDeploy::DeploymentGroup", name, group))
            self.deployment(ids[name]).creator = creator
            self.weigh(name)
        self.aws.calls.clear()
        return ids

    def deployment(self, id: str):
        return codedeploy_backends[ACCOUNT][REGION].deployments[id]

    def tearDown(self):
        codedeploy_backends.reset()

    # What it does when all is well.

    def test_without_a_release_all_functions_go_to_the_one_before(self):
        output = self.passes("rollback.sh", STACK)
        self.assertEqual(self.versions(), ["3"] * 2)
        for name in self.names.values():
            self.assertIn(f"{name}: 4 ({NEW}) -> 3 ({SECOND})\n", output)
        self.assertIn(f"== all good: tasks-api is at {SECOND} (2 moved)", output)
        self.assertIn("The next deployment moves the aliases forward again", output)
        self.assertIn("Data that the newer release has written stays", output)
        self.assertIn("CloudFormation does not know of this (drift)", output)
        self.assertIn("release again: v1.2.3\n", output)

    def test_everything_is_read_before_the_first_change_and_each_change_is_read_afterwards(self):
        self.passes("rollback.sh", STACK)
        read = ["DescribeStacks", "ListStackResources", *["GetAlias", "ListVersionsByFunction"] * 2]
        self.assertEqual(self.aws.operations(reads=True), read + ["UpdateAlias", "GetAlias"] * 2)
        for request in self.aws.requests("UpdateAlias"):
            self.assertEqual(request["FunctionVersion"], "3")
            self.assertEqual(request["RoutingConfig"], {"AdditionalVersionWeights": {}})
            self.assertTrue(request["RevisionId"])

    def test_settings_alone_make_a_release_that_can_be_left(self):
        for name in self.names.values():
            self.publish(name, "release v1.3.0-1, settings 8")
        self.move_all_to("5")
        self.passes("rollback.sh", STACK)
        self.assertEqual(self.versions(), ["4"] * 2)

    def test_a_release_is_named_by_tag_and_attempt_by_tag_or_by_description(self):
        for release, version in ("v1.2.3-1", "2"), ("v1.2.3", "3"), (FIRST, "2"), ("v1.3.0", "4"):
            with self.subTest(release):
                self.passes("rollback.sh", STACK, release)
                self.assertEqual(self.versions(), [version] * 2)

    def test_a_release_of_the_workflow_is_named_by_its_tag_too(self):
        for name in self.names.values():
            for attempt in "16012345678.1", "16012345678.2", "16012399999.1":
                self.publish(name, f"release v1.4.0-{attempt}, settings 7")
        for release, version in ("v1.4.0", "7"), ("v1.4.0-16012345678.1", "5"), ("v1.4.0-16012345678.2", "6"):
            with self.subTest(release):
                output = self.passes("rollback.sh", STACK, release)
                self.assertEqual(self.versions(), [version] * 2)
                self.assertIn("release again: v1.4.0\n", output)

    def test_a_tag_with_a_hyphen_is_not_shortened_to_another_one(self):
        releases = {
            "v1.4.0": "v1.4.0-16012345678.1", "v1.4.0-rc1": "v1.4.0-rc1-2", "v1.4.0-rc.1": "v1.4.0-rc.1-16012345678.1",
            "v1.4.0-1": "v1.4.0-1-16012345678.1", "v1.4.0-2": "v1.4.0-2-3", "v1.4.0-rc3": "v1.4.0-rc3",
        }
        for name in self.names.values():
            for release in releases.values():
                self.publish(name, f"release {release}, settings 7")
        for version, tag in enumerate(releases, start=5):
            with self.subTest(tag):
                output = self.passes("rollback.sh", STACK, tag)
                self.assertEqual(self.versions(), [str(version)] * 2)
                self.assertIn(f"release again: {tag}\n", output)
        # Neither is a run without its attempt a release.
        for release in "v1.4.0-rc", "v1.4.0-16012345678":
            _, errors = self.fails("rollback.sh", STACK, release)
            self.assertIn(f"no function has a version of release {release}.", errors)

    def test_a_release_that_looks_like_a_number_is_still_a_name(self):
        for name in self.names.values():
            for release in "1.1", "1.10", "2.1-1", "2.10-1":
                self.publish(name, f"release {release}, settings 7")
        for release, version in ("1.1", "5"), ("2.1", "7"):
            with self.subTest(release):
                self.passes("rollback.sh", STACK, release)
                self.assertEqual(self.versions(), [version] * 2)

    def test_a_second_run_with_the_name_changes_nothing(self):
        self.passes("rollback.sh", STACK, "v1.2.2")
        self.aws.calls.clear()
        output = self.passes("rollback.sh", STACK, "v1.2.2")
        self.assertEqual(self.aws.operations(), [])
        self.assertEqual(output.count("is there already"), 2)

    def test_a_second_run_without_a_name_does_not_go_back_twice(self):
        self.passes("rollback.sh", STACK)
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn(f"behind the newest release ({NEW}) already", errors)
        self.assertEqual(self.versions(), ["3"] * 2)

    def test_a_dry_run_says_what_it_would_do_and_changes_nothing(self):
        for arguments in ([STACK], [STACK, "v1.2.2"]):
            output = self.passes("rollback.sh", "--dry-run", *arguments)
            self.assertEqual(output.count(" -> "), 2)
            self.assertTrue(output.endswith("Dry run: nothing was changed.\n"))
        self.assertEqual(self.aws.operations(), [])

    def test_weights_left_over_from_a_stopped_deployment_are_cleared_for_a_named_release(self):
        self.weigh("Health")
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("sends a part of its requests to a second version, but no deployment is running", errors)
        self.assertEqual(self.aws.operations(), [])
        self.passes("rollback.sh", STACK, "v1.3.0")
        self.assertEqual(len(self.aws.requests("UpdateAlias")), 1)
        self.assertEqual(self.alias("Health").routing_config, {"AdditionalVersionWeights": {}})

    # What it does when something fails in the middle.

    def test_after_a_failure_the_others_still_move_and_the_printed_command_finishes(self):
        for how, failing in ("throttled", 0), ("broken", 1), ("cut", 0):
            with self.subTest(how):
                self.move_all_to("4")
                self.aws.fail("UpdateAlias", nth=failing + 1, how=how)
                output, errors = self.fails("rollback.sh", STACK)
                names = list(self.names.values())
                self.assertEqual(self.versions(), ["3", "4"] if failing else ["4", "3"])
                self.assertIn(f"moved: {names[1 - failing]}\nnot moved: {names[failing]}\n", errors)
                self.assertTrue(errors.endswith(f"  scripts/rollback.sh {STACK} '{SECOND}'\n"), errors)
                self.aws.calls.clear()
                output = self.passes("rollback.sh", STACK, SECOND)
                self.assertEqual(self.versions(), ["3"] * 2)
                self.assertEqual(self.aws.operations(), ["UpdateAlias"])
                self.assertEqual(output.count("is there already"), 1)

    def test_if_nothing_could_be_moved_it_says_so(self):
        self.aws.fail("UpdateAlias", how="AccessDeniedException", times=2)
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("AccessDeniedException", errors)
        self.assertIn("moved: none\n", errors)

    def test_an_alias_that_somebody_else_changed_meanwhile_is_not_overwritten(self):
        self.aws.before["UpdateAlias"] = lambda: self.alias("CreateTask").update(None, "1", None)
        _, errors = self.fails("rollback.sh", STACK)
        self.assertEqual(self.versions(), ["1", "3"])
        self.assertIn("PreconditionFailedException", errors)
        self.assertIn(f"not moved: {self.names['CreateTask']}\n", errors)

    def test_a_move_that_cannot_be_read_afterwards_does_not_count(self):
        self.aws.fail("GetAlias", nth=3)
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn(f"not moved: {self.names['CreateTask']}\n", errors)
        self.passes("rollback.sh", STACK, SECOND)

    def test_a_failure_while_reading_changes_nothing(self):
        for operation in "DescribeStacks", "ListStackResources", "GetAlias", "ListVersionsByFunction":
            with self.subTest(operation):
                self.aws.fail(operation)
                _, errors = self.fails("rollback.sh", STACK)
                self.assertIn("Nothing was changed", errors)
        self.assertEqual(self.aws.operations(), [])

    def test_the_cli_repeats_a_throttled_call_itself(self):
        self.aws.fail("UpdateAlias")
        self.passes("rollback.sh", STACK, AWS_MAX_ATTEMPTS="2", AWS_RETRY_MODE="standard")

    # Where it asks.

    def test_functions_at_different_releases_are_listed_and_a_name_is_asked_for(self):
        self.alias("Health").update(None, "2", None)
        output, errors = self.fails("rollback.sh", STACK)
        self.assertIn(f"  {self.names['Health']}: 2 ({FIRST})\n", output)
        self.assertIn(f"  {self.names['CreateTask']}: 4 ({NEW})\n", output)
        self.assertIn("are at different releases", errors)
        self.assertIn(f"scripts/rollback.sh {STACK} RELEASE", errors)
        self.assertEqual(self.aws.operations(), [])
        self.passes("rollback.sh", STACK, "v1.2.3-1")
        self.assertEqual(self.versions(), ["2"] * 2)

    def test_a_new_function_makes_it_ask_and_stays_as_it_is(self):
        name = self.add_function(NEW)
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn(f"{name} is new", errors)
        output = self.passes("rollback.sh", STACK, "v1.2.3-1")
        self.assertIn(f"{name}: 1 ({NEW}), left alone: it has no version of that release\n", output)
        self.assertEqual(self.versions(), ["2"] * 2)
        self.assertEqual(str(self.alias(name).function_version), "1")

    def test_functions_that_disagree_on_the_release_before_make_it_ask(self):
        self.add_function(OLD, NEW)
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("do not agree on the release before", errors)

    def test_attempts_that_not_all_functions_have_make_it_ask(self):
        self.add_function(FIRST, NEW)
        _, errors = self.fails("rollback.sh", STACK, "v1.2.3")
        self.assertIn("different versions of v1.2.3 (settings, or attempts)", errors)
        self.passes("rollback.sh", STACK, "v1.2.3-1")

    def test_an_unknown_release_gets_the_list_of_those_there_are(self):
        # Neither a part of a name nor a pattern names a release.
        for release in "v9.9.9", "v1.2", "v1.3.0-", ".*":
            output, errors = self.fails("rollback.sh", STACK, release)
            self.assertIn(f"no function has a version of release {release}.", errors)
            known = [line.split(" (published ")[0].strip() for line in output.splitlines() if "published" in line]
            self.assertEqual(known, [NEW, SECOND, FIRST, OLD])
        self.assertEqual(self.aws.operations(), [])

    def test_there_may_be_nothing_to_go_back_to(self):
        for name in FUNCTIONS:
            versions = self.lambdas._lambdas._functions[self.names[name]]["versions"]
            del versions[:3]
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("no release before the current one", errors)

    def test_it_does_not_go_back_over_a_restore_to_the_tables_from_before(self):
        for name in self.names.values():
            self.publish(name, "release v1.3.0-1, settings 8", TASKS_TABLE="tasks-api-tasks-20270210T030000Z")
        self.move_all_to("5")
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("because tables were restored in between. Nothing was changed", errors)
        self.assertEqual(self.aws.operations(), [])

    # A deployment that is running.

    def test_a_canary_is_stopped_and_rolled_back_and_no_alias_is_moved(self):
        ids = self.start_canary()
        output = self.passes("rollback.sh", STACK)
        self.assertEqual(self.aws.operations(), ["StopDeployment"] * 2)
        stopped = {(request["deploymentId"], request["autoRollbackEnabled"]) for request in self.aws.requests("StopDeployment")}
        self.assertEqual(stopped, {(id, True) for id in ids.values()})
        self.assertEqual(self.versions(), ["3"] * 2)
        self.assertIn("the deployment is stopped and rolled back", output)
        self.assertIn(f"aws cloudformation wait stack-rollback-complete --stack-name {STACK}", output)

    def test_a_dry_run_does_not_stop_a_canary(self):
        ids = self.start_canary()
        output = self.passes("rollback.sh", "--dry-run", STACK)
        self.assertIn(f"stop deployment {ids['Health']} and roll it back", output)
        self.assertEqual(self.aws.operations(), [])

    def test_if_one_canary_does_not_stop_the_others_do_and_a_second_run_stops_the_rest(self):
        ids = self.start_canary()
        self.aws.fail("StopDeployment", nth=2)
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn(f"not stopped: {ids['Health']}. The others are. Run the same command again", errors)
        self.aws.calls.clear()
        self.passes("rollback.sh", STACK)
        self.assertEqual([request["deploymentId"] for request in self.aws.requests("StopDeployment")], [ids["Health"]])

    def test_weights_that_stay_after_the_stop_are_reported(self):
        self.start_canary()
        self.add_function(NEW)
        self.weigh("tasks-api-CountTasks")
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("the deployments are stopped, but aliases still route to two versions", errors)

    def test_a_rollback_that_is_running_is_not_stopped(self):
        self.start_canary(creator="codeDeployRollback")
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("CodeDeploy is rolling back already", errors)
        self.stack.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        _, errors = self.fails("rollback.sh", STACK, "v1.2.2")
        self.assertIn("the stack is being rolled back already", errors)
        self.assertEqual(self.aws.operations(), [])

    def test_a_deployment_without_a_canary_is_explained(self):
        self.stack.status = "UPDATE_IN_PROGRESS"
        for arguments in ([STACK], [STACK, "v1.2.2"]):
            _, errors = self.fails("rollback.sh", *arguments)
            self.assertIn(f"aws cloudformation cancel-update-stack --stack-name {STACK}", errors)
        self.stack.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("the stack is busy (UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)", errors)
        self.assertEqual(self.aws.operations(), [])

    # What it is given.

    def test_an_unknown_stack_is_reported(self):
        _, errors = self.fails("rollback.sh", "another")
        self.assertIn("Stack with id another does not exist", errors)
        self.assertIn("cannot read the stack another (check name, region and credentials)", errors)

    def test_a_stack_without_aliases_is_reported(self):
        self.aws.resources.clear()
        _, errors = self.fails("rollback.sh", STACK)
        self.assertIn("the stack tasks-api has no aliases live", errors)

    def test_wrong_arguments_get_the_usage(self):
        for arguments in [], [STACK, "v1", "v2"], ["--force", STACK]:
            _, errors = self.fails("rollback.sh", *arguments)
            self.assertIn("usage: scripts/rollback.sh [--dry-run] STACK [RELEASE]", errors)
        self.assertEqual(self.aws.calls, [])

    def test_without_the_cli_it_says_what_to_install(self):
        _, errors = self.fails("rollback.sh", STACK, PATH="/usr/bin:/bin")
        self.assertEqual(errors, "FAILED: no aws on PATH: install the AWS CLI (https://docs.aws.amazon.com/cli/)\n")


class Scripts(unittest.TestCase):
    def test_shellcheck_finds_nothing_in_either_script(self):
        shellcheck = Path(sys.executable).with_name("shellcheck")
        scripts = [SCRIPTS / "rollback.sh", SCRIPTS / "restore.sh"]
        found = subprocess.run([shellcheck, *scripts], capture_output=True, text=True)
        self.assertEqual((found.returncode, found.stdout), (0, ""), found.stderr)
