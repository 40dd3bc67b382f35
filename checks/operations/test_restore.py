"""scripts/restore.sh. Each test's name says what the script does."""

import os
import re
import sys
import unittest
from datetime import datetime, timedelta, timezone
from itertools import chain

from case import SCRIPTS, STACK, TAGS, WRITERS, OperationsCase
from moto.awslambda.models import lambda_backends
from moto.dynamodb.models import dynamodb_backends
from stand_in import ACCOUNT, REGION

NOW = datetime.now(timezone.utc).replace(microsecond=0)
LIMITS = {"MaxReadRequestUnits": 40000, "MaxWriteRequestUnits": 20000}
READY = [
    "UpdateTable", "UpdateTable", "UpdateContinuousBackups", "UpdateTimeToLive", "TagResource",  # tasks
    "UpdateTable", "UpdateTable", "UpdateContinuousBackups", "UpdateTimeToLive", "TagResource",  # keys
]


def form(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Restore(OperationsCase):
    def prepare(self):
        self.tasks, self.keys = self.physical("TasksTable"), self.physical("IdempotencyTable")
        self.time = NOW - timedelta(hours=3)
        suffix = self.time.strftime("%Y%m%dT%H%M%SZ")
        self.new_tasks, self.new_keys = f"{STACK}-tasks-{suffix}", f"{STACK}-idempotency-{suffix}"
        dynamodb = self.client("dynamodb")
        for table, days in (self.tasks, 35), (self.keys, 2):
            recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": days}
            dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
            # moto says that only this moment can be restored.
            self.window(table, NOW - timedelta(days=days), NOW - timedelta(minutes=5))
            dynamodb.update_time_to_live(
                TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
            )
            dynamodb.put_item(TableName=table, Item={"user_id": {"S": f"of {table}"}})
            self.aws.throughput[table] = {None: LIMITS}
        self.aws.throughput[self.tasks]["by_id"] = LIMITS

    def table(self, name: str):
        return dynamodb_backends[ACCOUNT][REGION].tables[name]

    def window(self, table: str, earliest: datetime, latest: datetime) -> None:
        self.table(table).continuous_backups["PointInTimeRecoveryDescription"].update(
            EarliestRestorableDateTime=earliest.timestamp(), LatestRestorableDateTime=latest.timestamp()
        )

    def restore(self) -> str:
        return self.passes("restore.sh", STACK, form(self.time))

    def assert_ready(self) -> None:
        """Both tables are as their sources."""
        dynamodb = self.client("dynamodb")
        for source, name, days in (self.tasks, self.new_tasks, 35), (self.keys, self.new_keys, 2):
            table = self.table(name)
            recovery = table.continuous_backups["PointInTimeRecoveryDescription"]
            self.assertEqual((recovery["PointInTimeRecoveryStatus"], recovery["RecoveryPeriodInDays"]), ("ENABLED", days))
            self.assertEqual(table.ttl["TimeToLiveStatus"], "ENABLED")
            self.assertEqual(table.ttl["AttributeName"], "expires_at")
            self.assertTrue(table.deletion_protection_enabled)
            tags = dynamodb.list_tags_of_resource(ResourceArn=table.table_arn)["Tags"]
            self.assertEqual(sorted(tags, key=str), sorted(TAGS, key=str))
            self.assertEqual(self.aws.throughput[name], self.aws.throughput[source])
            items = [item.to_json()["Attributes"] for item in table.all_items()]
            self.assertEqual(items, [{"user_id": {"S": f"of {source}"}}])

    # What it does when all is well.

    def test_both_tables_are_restored_and_made_fit_for_use(self):
        output = self.restore()
        self.assert_ready()
        self.assertEqual(self.aws.operations(), ["RestoreTableToPointInTime"] * 2 + READY)
        requests = self.aws.requests("RestoreTableToPointInTime")
        self.assertEqual([request["SourceTableName"] for request in requests], [self.tasks, self.keys])
        self.assertEqual([request["TargetTableName"] for request in requests], [self.new_tasks, self.new_keys])
        self.assertEqual({request["RestoreDateTime"] for request in requests}, {int(self.time.timestamp())})
        earliest, latest = form(NOW - timedelta(days=35)), form(NOW - timedelta(minutes=5))
        self.assertIn(f"{self.tasks}: can be restored from {earliest} to {latest}\n", output)
        self.assertIn(f"{self.new_tasks}: ready, with about 1 items ({self.tasks}: about 1)\n", output)
        # The sources are not touched.
        new = {self.new_tasks, self.new_keys}
        changed = {request.get("TableName") or request.get("ResourceArn") for name, request in self.aws.calls if name.startswith(("Update", "Tag"))}
        self.assertEqual(changed, new | {self.table(name).table_arn for name in new})

    def test_a_second_run_changes_nothing_and_says_again_how_to_put_the_tables_to_use(self):
        first = self.restore()
        self.aws.calls.clear()
        output = self.restore()
        self.assertEqual(self.aws.operations(), [])
        self.assertIn(f"{self.new_tasks}: is there already (ACTIVE), so this goes on with it\n", output)
        last = output[output.index("== all good"):]
        self.assertTrue(first.endswith(last))
        parameters = f"Canary=false RestoredTasksTable={self.new_tasks} RestoredIdempotencyTable={self.new_keys}"
        steps = [
            f"1. scripts/restore.sh {STACK} --stop-writes\n",
            f"sam deploy … --stack-name {STACK} --parameter-overrides … {parameters}\n",
            f"3. scripts/restore.sh {STACK} --start-writes\n",
        ]
        self.assertEqual(sorted(steps, key=last.index), steps)

    def test_it_waits_until_a_table_is_active_and_says_that_it_waits(self):
        self.aws.creating = {self.new_tasks: 3}
        output = self.restore()
        self.assertEqual(output.count(f"{self.new_tasks}: CREATING, after 0 minutes\n"), 3)
        self.assert_ready()

    def test_a_restore_that_was_started_before_is_gone_on_with(self):
        for source, target in (self.tasks, self.new_tasks), (self.keys, self.new_keys):
            self.client("dynamodb").restore_table_to_point_in_time(SourceTableName=source, TargetTableName=target, RestoreDateTime=self.time)
        self.aws.creating = {self.new_tasks: 2}
        self.aws.calls.clear()
        # By now, the time itself may be out of reach.
        self.window(self.tasks, NOW - timedelta(hours=1), NOW)
        output = self.restore()
        self.assertIn(f"{self.new_tasks}: is there already (CREATING), so this goes on with it\n", output)
        self.assertEqual(self.aws.operations(), READY)
        self.assert_ready()

    def test_settings_that_the_source_does_not_have_are_not_set(self):
        for name in self.tasks, self.keys:
            self.table(name).deletion_protection_enabled = False
            self.table(name).ttl.update(TimeToLiveStatus="DISABLED")
            self.client("dynamodb").untag_resource(ResourceArn=self.table(name).table_arn, TagKeys=[tag["Key"] for tag in TAGS])
        self.aws.throughput.clear()
        self.aws.calls.clear()
        self.restore()
        self.assertEqual(self.aws.operations(), ["RestoreTableToPointInTime"] * 2 + ["UpdateContinuousBackups"] * 2)

    def test_backups_that_are_still_being_set_up_are_waited_for(self):
        self.aws.fail("UpdateContinuousBackups", how="ContinuousBackupsUnavailableException", times=3)
        self.restore()
        self.assert_ready()

    def test_times_are_read_as_either_version_of_the_cli_prints_them(self):
        # Version 2 prints ISO 8601 in the machine's time zone. This is the CLI as it is
        # installed, which reads its configuration.
        config = f"{self.folder.name}/iso8601"
        with open(config, "w") as file:
            file.write("[default]\ncli_timestamp_format = iso8601\n")
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        self.time = NOW - timedelta(days=36)
        for zone in "Asia/Kolkata", "America/St_Johns":
            output, _ = self.fails("restore.sh", STACK, form(self.time), AWS_CONFIG_FILE=config, TZ=zone, PATH=path)
            self.assertIn(f"from {form(NOW - timedelta(days=35))} to {form(NOW - timedelta(minutes=5))}\n", output)

    # What it does when something fails.

    def test_if_each_change_fails_once_the_same_command_finishes_and_does_nothing_twice(self):
        steps = [
            "start to restore .*IdempotencyTable", "protect .* from deletion", "limit the units",
            "turn on point-in-time recovery", "turn on time to live", "tag ",
            "protect .* from deletion", "limit the units", "turn on point-in-time recovery", "turn on time to live", "tag ",
        ]
        for number, step in enumerate(steps):
            # Each run makes one change, and fails at the next.
            self.aws.fail("change", nth=2, how=["throttled", "broken", "cut"][number % 3])
            _, errors = self.fails("restore.sh", STACK, form(self.time))
            self.assertRegex(errors, f"FAILED: {step}")
            self.assertIn("Nothing is lost", errors)
            self.assertTrue(errors.endswith(f"  scripts/restore.sh {STACK} {form(self.time)}\n"), errors)
        self.restore()
        changes = ["RestoreTableToPointInTime"] * 2 + READY
        # Every change but the first was tried twice, and made once.
        self.assertEqual(self.aws.operations(), [changes[0], *chain(*zip(changes[1:], changes[1:]))])
        self.assert_ready()

    def test_a_failure_while_reading_stops_it_too(self):
        steps = {
            "DescribeStacks": "read the outputs", "DescribeTable": "describe the table",
            "DescribeContinuousBackups": "read the recovery", "DescribeTimeToLive": "read the time to live",
            "ListTagsOfResource": "read the tags",
        }
        for number, (operation, step) in enumerate(steps.items()):
            with self.subTest(operation):
                self.aws.fail(operation, how=["throttled", "broken", "cut"][number % 3])
                _, errors = self.fails("restore.sh", STACK, form(self.time))
                self.assertRegex(errors, f"FAILED: {step}")
                self.assertIn("Nothing is lost", errors)
        self.restore()
        self.assertEqual(self.aws.operations(), ["RestoreTableToPointInTime"] * 2 + READY)
        self.assert_ready()

    # What it refuses.

    def test_a_time_out_of_range_is_refused_with_the_range(self):
        for self.time in NOW - timedelta(days=36), NOW + timedelta(hours=1):
            output, errors = self.fails("restore.sh", STACK, form(self.time))
            self.assertIn(f"can be restored from {form(NOW - timedelta(days=35))} to {form(NOW - timedelta(minutes=5))}", output)
            self.assertIn(f"{self.tasks} cannot be restored as of {form(self.time)}. Nothing was started", errors)
        self.assertEqual(self.aws.operations(), [])

    def test_a_malformed_time_is_refused_before_any_call(self):
        for time in "yesterday", "2027-02-10", "2027-02-10T03:00:00", "2027-02-10T03:00:00+01:00", "2027-02-30T03:00:00Z", "2027-02-10T24:00:00Z":
            _, errors = self.fails("restore.sh", STACK, time)
            self.assertIn(f"{time} is not a time", errors)
        self.assertEqual(self.aws.calls, [])

    def test_keys_whose_history_does_not_reach_back_stay_as_they_are(self):
        self.time = NOW - timedelta(days=10)
        output = self.restore()
        self.assertIn(f"{self.keys} stays as it is: its history does not reach back to {form(self.time)}", output)
        self.assertIn("RestoredTasksTable=", output)
        self.assertNotIn("RestoredIdempotencyTable=", output)
        self.assertEqual(self.aws.operations(), ["RestoreTableToPointInTime"] + READY[:5])

    def test_a_table_without_point_in_time_recovery_cannot_be_restored(self):
        self.table(self.tasks).continuous_backups["PointInTimeRecoveryDescription"] = {"PointInTimeRecoveryStatus": "DISABLED"}
        output, _ = self.fails("restore.sh", STACK, form(self.time))
        self.assertIn(f"{self.tasks}: has no point-in-time recovery\n", output)

    def test_a_table_of_that_name_from_elsewhere_is_not_touched(self):
        key = {"AttributeName": "id", "AttributeType": "S"}
        self.client("dynamodb").create_table(
            TableName=self.new_tasks, AttributeDefinitions=[key], BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        self.aws.calls.clear()
        _, errors = self.fails("restore.sh", STACK, form(self.time))
        self.assertIn(f"there is a table {self.new_tasks} that was not restored from {self.tasks}", errors)
        self.assertEqual(self.aws.operations(), [])

    def test_an_unknown_stack_is_reported(self):
        _, errors = self.fails("restore.sh", "another", form(self.time))
        self.assertIn("Stack with id another does not exist", errors)
        self.assertIn("FAILED: read the outputs of the stack another", errors)

    def test_wrong_arguments_get_the_usage(self):
        for arguments in [], [STACK], [STACK, form(self.time), "more"]:
            _, errors = self.fails("restore.sh", *arguments)
            self.assertIn("usage: scripts/restore.sh STACK TIME", errors)

    def test_without_the_cli_it_says_what_to_install(self):
        _, errors = self.fails("restore.sh", STACK, form(self.time), PATH="/usr/bin:/bin")
        self.assertEqual(errors, "FAILED: no aws on PATH: install the AWS CLI (https://docs.aws.amazon.com/cli/)\n")

    # Writes.

    def reserved(self) -> dict[str, str | None]:
        functions = lambda_backends[ACCOUNT][REGION]
        return {name: functions.get_function(self.physical(f"{name}Function")).reserved_concurrency for name in [*WRITERS, "Health"]}

    def test_writes_are_stopped_and_started_by_one_command_each(self):
        before = self.reserved()
        output = self.passes("restore.sh", STACK, "--stop-writes")
        self.assertIn(f"To undo: scripts/restore.sh {STACK} --start-writes", output)
        self.assertEqual(self.reserved(), {**dict.fromkeys(WRITERS, 0), "Health": None})
        self.passes("restore.sh", STACK, "--start-writes")
        self.assertEqual(self.reserved(), before)

    def test_starting_writes_gives_back_the_concurrency_that_the_stack_reserves(self):
        self.create_stack(ReservedConcurrency="7")
        self.passes("restore.sh", STACK, "--stop-writes")
        self.passes("restore.sh", STACK, "--start-writes")
        self.assertEqual(self.reserved(), {**dict.fromkeys(WRITERS, 7), "Health": None})

    def test_if_one_function_fails_the_others_stop_writing_and_a_second_run_finishes(self):
        self.aws.fail("PutFunctionConcurrency", nth=2)
        _, errors = self.fails("restore.sh", STACK, "--stop-writes")
        self.assertIn(f"not done for: {self.physical('UpdateTaskFunction')}. Run the same command again", errors)
        self.assertEqual(list(self.reserved().values()), [0, None, *[0] * (len(WRITERS) - 2), None])
        self.passes("restore.sh", STACK, "--stop-writes")
        self.assertEqual(list(self.reserved().values()), [*[0] * len(WRITERS), None])

    # The names that the script knows.

    def test_the_template_has_what_the_script_looks_for(self):
        template = (SCRIPTS.parent / "template.yaml").read_text()
        script = (SCRIPTS / "restore.sh").read_text()
        functions = re.findall(r"\b(\w+Function)\b", re.search("for logical in (.*);", script)[1])
        self.assertEqual(functions, [f"{name}Function" for name in WRITERS])
        for name in [*functions, "ReservedConcurrency", "TasksTableName", "IdempotencyTableName"]:
            self.assertRegex(template, f"(?m)^  {name}:$")
            self.assertIn(name, script)
