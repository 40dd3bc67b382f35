#!/usr/bin/env bash
# Restores both tables of a stack as they were at a point in time, to new tables, and
# makes these fit for use.
#
#   scripts/restore.sh STACK TIME             such as 2027-02-10T03:00:00Z (UTC)
#   scripts/restore.sh STACK --stop-writes    the API only reads: nobody's work is lost
#   scripts/restore.sh STACK --start-writes   takes that back
#
# The stack goes on using its tables until you deploy it with the new ones; the last lines
# say how. Nothing is ever deleted or overwritten. A restore takes minutes to hours. It can
# be interrupted at any time: run it again, and it goes on from there. Needs the AWS CLI
# (2.23 or 1.37, of January 2025, or newer), with a region and credentials.
set -euo pipefail
export AWS_PAGER=

say() { printf '%s\n' "$*"; }
fail() {
  say "FAILED: $*" >&2
  exit 1
}

usage="usage: scripts/restore.sh STACK TIME|--stop-writes|--start-writes, with a TIME in UTC such as 2027-02-10T03:00:00Z"
[ $# = 2 ] && [ -n "$1" ] || fail "$usage"
stack=$1 time=$2
command -v aws >/dev/null || fail "no aws on PATH: install the AWS CLI (https://docs.aws.amazon.com/cli/)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

stop() {
  fail "$1.
Nothing is lost: the stack's tables are in use as before, and nothing was deleted. The same
command goes on from here:
  scripts/restore.sh $stack $time"
}
# call STEP ARGUMENTS: sets $reply.
call() {
  local step=$1
  shift
  reply=$(aws "$@") || stop "$step"
}

# Civil dates to seconds since 1970 and back, in whole days of 400-year cycles. `date`
# would need other options on Linux than on macOS.
epoch() { # TIME: as the AWS CLI prints times: seconds, or ISO 8601 with an offset
  local date offset=0 year month day
  case $1 in *T*) ;; *) say "${1%%.*}" && return ;; esac
  date=${1%%T*}
  IFS=- read -r year month day <<<"$date"
  if [[ $1 =~ ([+-])([0-9][0-9]):?([0-9][0-9])$ ]]; then
    offset=$((${BASH_REMATCH[1]}1 * (10#${BASH_REMATCH[2]} * 3600 + 10#${BASH_REMATCH[3]} * 60)))
  fi
  local clock=${1#*T}
  local y=$((10#$year - (10#$month <= 2))) m=$(((10#$month + 9) % 12))
  say $(((y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + 10#$day - 1 - 719468) * 86400 +
    10#${clock:0:2} * 3600 + 10#${clock:3:2} * 60 + 10#${clock:6:2} - offset))
}
utc() { # SECONDS
  local days=$(($1 / 86400 + 719468)) rest=$(($1 % 86400))
  local era=$((days / 146097)) of_era=$((days % 146097))
  local y=$(((of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365))
  local d=$((of_era - (y * 365 + y / 4 - y / 100)))
  local m=$(((d * 5 + 2) / 153))
  printf '%04d-%02d-%02dT%02d:%02d:%02dZ\n' $((y + era * 400 + (m >= 10))) $((m < 10 ? m + 3 : m - 9)) \
    $((d - (m * 153 + 2) / 5 + 1)) $((rest / 3600)) $((rest % 3600 / 60)) $((rest % 60))
}

# Stops or starts the functions that write. Their reserved concurrency is the switch: with
# 0, Lambda runs none of them, and the gateway returns 503.
writes() {
  local step="read the functions of $stack" resources reserved logical name failed=''
  resources=$(aws cloudformation list-stack-resources --stack-name "$stack" --output text \
    --query "StackResourceSummaries[?ResourceType=='AWS::Lambda::Function'].[LogicalResourceId,PhysicalResourceId]") || fail "$step"
  reserved=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Parameters[?ParameterKey=='ReservedConcurrency'].ParameterValue") || fail "$step"
  for logical in CreateTaskFunction UpdateTaskFunction DeleteTaskFunction ToggleTaskFunction RestoreTaskFunction BatchTasksFunction EraseTasksFunction McpFunction; do
    name=$(awk -v logical="$logical" '$1 == logical { print $2 }' <<<"$resources")
    if [ -z "$name" ]; then
      failed="$failed $logical"
    elif [ "$1" = --stop-writes ]; then
      reserve "$name" 0 || failed="$failed $name"
    elif [ "${reserved:-0}" = 0 ]; then
      aws lambda delete-function-concurrency --function-name "$name" && say "$name: on" || failed="$failed $name"
    else
      reserve "$name" "$reserved" || failed="$failed $name"
    fi
  done
  [ -z "$failed" ] || fail "not done for:$failed. Run the same command again: scripts/restore.sh $stack $1"
  if [ "$1" = --stop-writes ]; then
    say "== nothing writes from ten seconds from now: writes get 503, reads go on. To undo: scripts/restore.sh $stack --start-writes"
  else
    say "== writes go on"
  fi
}
reserve() {
  aws lambda put-function-concurrency --function-name "$1" --reserved-concurrent-executions "$2" >/dev/null &&
    say "$1: at most $2 at once"
}

case $time in
  --stop-writes | --start-writes)
    writes "$time"
    exit
    ;;
esac
[[ $time =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]] && [ "$(utc "$(epoch "$time")")" = "$time" ] ||
  fail "$time is not a time; $usage"
seconds=$(epoch "$time")

# Sets $tasks and $keys to the stack's tables.
tables() {
  call "read the outputs of the stack $stack (check name, region and credentials)" \
    cloudformation describe-stacks --stack-name "$stack" --output text --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]'
  tasks=$(awk '$1 == "TasksTableName" { print $2 }' <<<"$reply")
  keys=$(awk '$1 == "IdempotencyTableName" { print $2 }' <<<"$reply")
  [ -n "$tasks" ] && [ -n "$keys" ] || fail "the stack $stack has no outputs TasksTableName and IdempotencyTableName. Is it a stack of the Tasks API?"
}

# What there is to know of a table, in the order of $facts. Limits and indexes have the form
# of update-table's arguments. (The backticks are JMESPath's.)
# shellcheck disable=SC2016
table='Table.[TableStatus, TableArn, ItemCount, DeletionProtectionEnabled, RestoreSummary.SourceTableArn || `-`,
  to_string(OnDemandThroughput), to_string(sort_by(GlobalSecondaryIndexes[?OnDemandThroughput] || `[]`, &IndexName)[].
    {Update: {IndexName: IndexName, OnDemandThroughput: OnDemandThroughput}})]'
# describe TABLE: sets the facts; $state is none if there is no such table.
describe() {
  if reply=$(aws dynamodb describe-table --table-name "$1" --output text --query "$table" 2>"$work/error"); then
    IFS=$'\t' read -r state arn items protected origin limits indexes <<<"$reply"
  elif grep -q ResourceNotFoundException "$work/error"; then
    state=none
  else
    cat "$work/error" >&2
    stop "describe the table $1"
  fi
}

# look SOURCE TARGET: sets $state to the status of the target, or none. A target that is
# there must come from the same source.
look() {
  [ "$1" != "$2" ] || fail "the stack uses $2 already: there is nothing to restore"
  describe "$2"
  [ "$state" != none ] || return 0
  case $origin in
    */"$1") ;;
    *) fail "there is a table $2 that was not restored from $1 ($origin). Choose another second" ;;
  esac
}

# window SOURCE: sets $earliest and $latest, empty if the table keeps no history.
window() {
  local status
  call "read the recovery of $1" dynamodb describe-continuous-backups --table-name "$1" --output text \
    --query 'ContinuousBackupsDescription.PointInTimeRecoveryDescription.[PointInTimeRecoveryStatus,EarliestRestorableDateTime,LatestRestorableDateTime]'
  read -r status earliest latest <<<"$reply"
  if [ "$status" != ENABLED ]; then
    earliest='' latest=''
    say "$1: has no point-in-time recovery"
    return
  fi
  earliest=$(epoch "$earliest") latest=$(epoch "$latest")
  say "$1: can be restored from $(utc "$earliest") to $(utc "$latest")"
}

# start SOURCE TARGET STATE
start() {
  if [ "$3" = none ]; then
    call "start to restore $1" dynamodb restore-table-to-point-in-time --source-table-name "$1" --target-table-name "$2" --restore-date-time "$time"
    say "$2: restore of $1 as of $time started"
  else
    say "$2: is there already ($3), so this goes on with it"
  fi
}

wait_until_active() { # TARGET: sets its facts
  local pause=2 most=${RESTORE_PAUSE:-60}
  while describe "$1" && [ "$state" != ACTIVE ]; do
    case $state in CREATING | UPDATING) ;; *) stop "wait for $1: it is $state" ;; esac
    say "$1: $state, after $((SECONDS / 60)) minutes"
    pause=$((pause * 2 < most ? pause * 2 : most))
    sleep "$pause"
  done
}

# A restored table has the data, the indexes and the encryption of its source. What follows
# it has not, or not for certain, so compare, and set what differs:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/pointintimerecovery_restores.html
finish() { # SOURCE TARGET DAYS
  local from count_of limits_of indexes_of protected_of arguments=()
  describe "$1"
  [ "$state" != none ] || stop "describe the table $1"
  from=$arn count_of=$items protected_of=$protected limits_of=$limits indexes_of=$indexes
  wait_until_active "$2"
  if [ "$protected_of" = True ] && [ "$protected" != True ]; then
    call "protect $2 from deletion" dynamodb update-table --table-name "$2" --deletion-protection-enabled
    say "$2: protected from deletion"
    wait_until_active "$2"
  fi
  if [ "$limits_of" != null ] && [ "$limits_of" != "$limits" ]; then arguments+=(--on-demand-throughput "$limits_of"); fi
  if [ "$indexes_of" != '[]' ] && [ "$indexes_of" != "$indexes" ]; then arguments+=(--global-secondary-index-updates "$indexes_of"); fi
  if [ ${#arguments[@]} -gt 0 ]; then
    call "limit the units of $2" dynamodb update-table --table-name "$2" "${arguments[@]}"
    say "$2: maximum throughput as on $1"
    wait_until_active "$2"
  fi
  recover "$2" "$3"
  expire "$1" "$2"
  label "$1" "$from" "$2" "$arn"
  say "$2: ready, with about $items items ($1: about $count_of)"
}
recover() { # TARGET DAYS
  local left=40
  call "read the recovery of $1" dynamodb describe-continuous-backups --table-name "$1" --output text \
    --query 'ContinuousBackupsDescription.PointInTimeRecoveryDescription.[PointInTimeRecoveryStatus,RecoveryPeriodInDays]'
  [ "$reply" != "ENABLED"$'\t'"$2" ] || return 0
  # Shortly after its creation, DynamoDB is still setting the table's backups up.
  until aws dynamodb update-continuous-backups --table-name "$1" >/dev/null 2>"$work/error" \
    --point-in-time-recovery-specification "PointInTimeRecoveryEnabled=true,RecoveryPeriodInDays=$2"; do
    grep -q ContinuousBackupsUnavailableException "$work/error" && [ $((left -= 1)) -gt 0 ] ||
      { cat "$work/error" >&2 && stop "turn on point-in-time recovery for $1"; }
    sleep "${RESTORE_PAUSE:-15}"
  done
  say "$1: point-in-time recovery of $2 days"
}
expire() { # SOURCE TARGET
  local attribute state query='TimeToLiveDescription.[TimeToLiveStatus,AttributeName]'
  call "read the time to live of $1" dynamodb describe-time-to-live --table-name "$1" --query "$query" --output text
  read -r state attribute <<<"$reply"
  case $state in ENABLED | ENABLING) ;; *) return 0 ;; esac
  call "read the time to live of $2" dynamodb describe-time-to-live --table-name "$2" --query "$query" --output text
  case $reply in ENABL*) return 0 ;; esac
  call "turn on time to live for $2" dynamodb update-time-to-live --table-name "$2" \
    --time-to-live-specification "Enabled=true,AttributeName=$attribute"
  say "$2: items expire by $attribute"
}
label() { # SOURCE ARN TARGET ARN
  local wanted query="sort_by(Tags[?!starts_with(Key, 'aws:')], &Key)"
  call "read the tags of $1" dynamodb list-tags-of-resource --resource-arn "$2" --query "$query" --output json
  wanted=$reply
  [ "$wanted" != '[]' ] || return 0
  call "read the tags of $3" dynamodb list-tags-of-resource --resource-arn "$4" --query "$query" --output json
  [ "$wanted" != "$reply" ] || return 0
  call "tag $3" dynamodb tag-resource --resource-arn "$4" --tags "$wanted"
  say "$3: tags as on $1"
}

tables
suffix=$(tr -d ':-' <<<"$time")
new_tasks=$stack-tasks-$suffix
new_keys=$stack-idempotency-$suffix

say "== what can be restored"
look "$tasks" "$new_tasks"
tasks_state=$state
if [ "$state" = none ]; then
  window "$tasks"
  [ -n "$latest" ] && [ "$seconds" -ge "$earliest" ] && [ "$seconds" -le "$latest" ] ||
    fail "$tasks cannot be restored as of $time. Nothing was started"
fi
look "$keys" "$new_keys"
keys_state=$state
if [ "$state" = none ]; then
  window "$keys"
  [ -z "$latest" ] || [ "$seconds" -le "$latest" ] || fail "$keys cannot be restored as of $time yet. Nothing was started"
  if [ -z "$latest" ] || [ "$seconds" -lt "$earliest" ]; then
    keys_state=kept
    cat <<END
$keys stays as it is: its history does not reach back to $time.
  Keys from before that time have expired: they live for a day. Keys of later creates
  replay for up to a day, even if their task is not in the restored table.
END
  fi
fi

printf '\n== restore\n'
say "What is written after $time is not in the restored tables. To stop writes meanwhile: scripts/restore.sh $stack --stop-writes"
start "$tasks" "$new_tasks" "$tasks_state"
if [ "$keys_state" != kept ]; then start "$keys" "$new_keys" "$keys_state"; fi
finish "$tasks" "$new_tasks" 35
parameters="RestoredTasksTable=$new_tasks"
if [ "$keys_state" != kept ]; then
  finish "$keys" "$new_keys" 2
  parameters="$parameters RestoredIdempotencyTable=$new_keys"
fi

cat <<END

== all good: the restored tables are ready, and not in use yet
(The numbers of items are DynamoDB's, which counts only every six hours or so.)
To put them to use:
1. scripts/restore.sh $stack --stop-writes
2. Deploy the release that runs now, with these parameters, and your others in place of …:
   sam deploy … --stack-name $stack --parameter-overrides … Canary=false $parameters
   (With a canary, the old versions would go on writing to the old tables.)
   Add them wherever your deployments take their parameters from.
3. scripts/restore.sh $stack --start-writes
The tables that are in use now stay, with their history.
END
