#!/usr/bin/env bash
# Turns all functions of a stack back to an older release, by moving their aliases `live`.
#
#   scripts/rollback.sh [--dry-run] STACK [RELEASE]
#
# Without RELEASE it goes to the release before the current one. RELEASE is what a version's
# description names: v1.2.3-1 (tag and attempt; v1.2.3-12345678901.1, with the run, if GitHub
# deployed it), v1.2.3 (its newest attempt), or the whole description in quotes. If the stack
# is being deployed, it stops the canary instead, which turns everything back. With --dry-run
# it only says what it would do.
#
# Run it again after a failure: functions that are there already are skipped. Exit code 0
# means that all functions are there; otherwise the last lines say which are not. Needs the
# AWS CLI, with a region and credentials.
set -euo pipefail
export AWS_PAGER=

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

usage="usage: scripts/rollback.sh [--dry-run] STACK [RELEASE]"
dry_run='' stack='' release=''
for argument; do
  case $argument in
    --dry-run) dry_run=yes ;;
    -*) fail "unknown option $argument; $usage" ;;
    *)
      if [ -z "$stack" ]; then stack=$argument
      elif [ -z "$release" ]; then release=$argument
      else fail "$usage"; fi
      ;;
  esac
done
[ -n "$stack" ] || fail "$usage"
command -v aws >/dev/null || fail "no aws on PATH: install the AWS CLI (https://docs.aws.amazon.com/cli/)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# read_aws WHAT ARGUMENTS: sets $reply.
read_aws() {
  local what=$1
  shift
  reply=$(aws "$@" --output text) || fail "cannot read $what. Nothing was changed"
}

# What is known of a function is in files: NAME.versions (version, time of publication,
# table, description, release, tag; newest first) and NAME.alias (version, revision, weights).
functions=() groups=() application=''
read_stack() {
  local type id
  read_aws "the stack $stack (check name, region and credentials)" \
    cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].[StackStatus]'
  status=$reply
  read_aws "the resources of $stack" cloudformation list-stack-resources --stack-name "$stack" \
    --query 'StackResourceSummaries[].[ResourceType,PhysicalResourceId]'
  while read -r type id; do
    case $type,$id in
      AWS::Lambda::Alias,*:live) id=${id%:live} && functions+=("${id##*:}") ;;
      AWS::CodeDeploy::Application,*) application=$id ;;
      AWS::CodeDeploy::DeploymentGroup,*) groups+=("$id") ;;
    esac
  done <<<"$reply"
  [ ${#functions[@]} -gt 0 ] || fail "the stack $stack has no aliases live. Is it a stack of the Tasks API?"
}
read_functions() {
  local name
  for name in "${functions[@]}"; do
    read_alias "$name" || fail "cannot read the alias of $name. Nothing was changed"
    read_aws "the versions of $name" lambda list-versions-by-function --function-name "$name" \
      --query 'Versions[].[Version,LastModified,Environment.Variables.TASKS_TABLE,Description]'
    sed -n '/^[0-9]/p' <<<"$reply" | sort -rn | add_names >"$work/$name.versions"
  done
}
# Adds to each version what its description names: the release, and its tag. An attempt is a
# number, or RUN.ATTEMPT from deploy.yml; only one is taken off, as a tag may end like one.
add_names() {
  awk -F '\t' -v OFS='\t' '
    { release = $4; sub(/^release /, "", release); sub(/, settings .*$/, "", release)
      tag = release; sub(/-[0-9]+(\.[0-9]+)?$/, "", tag)
      print $0, release, tag }'
}
read_alias() {
  aws lambda get-alias --function-name "$1" --name live --output text \
    --query '[FunctionVersion,RevisionId,to_string(RoutingConfig.AdditionalVersionWeights)]' >"$work/$1.alias"
}
version() { cut -f 1 "$work/$1.alias"; }
# weighted NAME: whether the alias sends a part of the requests to another version.
weighted() { case $(cut -f 3 "$work/$1.alias") in null | '{}') false ;; esac }
any_weighted() {
  local name
  for name in "${functions[@]}"; do if weighted "$name"; then return; fi; done
  false
}

# column NUMBER NAME VERSION
column() { WANTED=$3 awk -F '\t' -v column="$1" '$1 == ENVIRON["WANTED"] { print $column }' "$work/$2.versions"; }
description() { column 4 "$@"; }
# older NAME: the newest version below the current one with another description.
older() {
  AT=$(version "$1") FROM=$(description "$1" "$(version "$1")") \
    awk -F '\t' '$1 + 0 < ENVIRON["AT"] + 0 && $4 != ENVIRON["FROM"] { print $1; exit }' "$work/$1.versions"
}
# named NAME RELEASE: the newest version of that release. The "" makes awk compare text, also
# if both look like numbers: 1.1 is not 1.10.
named() {
  WANTED=$2 awk -F '\t' '
    BEGIN { wanted = ENVIRON["WANTED"] "" }
    $4 == wanted || $5 == wanted { exact = $1; exit }
    $6 == wanted && !newest { newest = $1 }
    END { print exact ? exact : newest }' "$work/$1.versions"
}
# all_same: whether all lines of the input are equal.
all_same() { [ "$(sort -u | wc -l)" -le 1 ]; }

# ask WHY: says where everything is, and asks for a name.
ask() {
  local name
  echo "Where the functions are:"
  for name in "${functions[@]}"; do
    printf '  %s: %s (%s)\n' "$name" "$(version "$name")" "$(description "$name" "$(version "$name")")"
  done
  echo "The releases that they know, newest first:"
  sort -t "$(printf '\t')" -k 2,2r "$work"/*.versions |
    awk -F '\t' '!seen[$4]++ && ++count <= 10 { printf "  %s (published %s)\n", $4, $2 }'
  fail "$1. Nothing was changed. Name the release: scripts/rollback.sh $stack RELEASE"
}

running=() rollbacks=()
find_deployments() {
  local group id
  [ -n "$application" ] || return 0
  for group in ${groups[@]+"${groups[@]}"}; do
    read_aws "the deployments of $group" deploy list-deployments --application-name "$application" \
      --deployment-group-name "$group" --include-only-statuses Created Queued InProgress Ready --query 'deployments[]'
    for id in $reply; do
      [ "$id" != None ] || continue
      read_aws "deployment $id" deploy get-deployment --deployment-id "$id" --query 'deploymentInfo.[creator]'
      # A rollback is a deployment too (codeDeployRollback, CloudFormationRollback).
      case $reply in
        *ollback) rollbacks+=("$id") ;;
        *) running+=("$id") && echo "$group: stop deployment $id and roll it back" ;;
      esac
    done
  done
}

# Stops the canary. CodeDeploy turns the aliases back, and CloudFormation the stack.
stop_deployments() {
  local id failed='' left=${ROLLBACK_TRIES:-60}
  [ -z "$dry_run" ] || { echo "Dry run: nothing was changed."; exit; }
  for id in "${running[@]}"; do
    aws deploy stop-deployment --deployment-id "$id" --auto-rollback-enabled >/dev/null || failed="$failed $id"
  done
  [ -z "$failed" ] || fail "not stopped:$failed. The others are. Run the same command again: scripts/rollback.sh $stack"
  echo "Waiting for CodeDeploy to turn the aliases back"
  while :; do
    for id in "${functions[@]}"; do read_alias "$id" || fail "the deployments are stopped, but the alias of $id cannot be read"; done
    any_weighted || break
    [ $((left -= 1)) -gt 0 ] || fail "the deployments are stopped, but aliases still route to two versions. Look at CodeDeploy, and run the same command again"
    sleep "${ROLLBACK_PAUSE:-5}"
  done
  cat <<END

== the deployment is stopped and rolled back
No request goes to the new versions by weight any more. CloudFormation now rolls the stack
back too, which turns back functions that already had all their requests moved. Wait for it:
  aws cloudformation wait stack-rollback-complete --stack-name $stack
Then see where the functions are: scripts/rollback.sh --dry-run $stack
Data that the new versions have written stays.
END
}

# Nothing is moved under a deployment: CloudFormation would move it on, or fail halfway.
deployment_runs() {
  case $status in
    UPDATE_ROLLBACK_*IN_PROGRESS)
      fail "the stack is being rolled back already ($status). Wait until it is UPDATE_ROLLBACK_COMPLETE: aws cloudformation wait stack-rollback-complete --stack-name $stack" ;;
    UPDATE_IN_PROGRESS) find_deployments ;;
    *_IN_PROGRESS) fail "the stack is busy ($status). Wait until it is not, then run the same command again" ;;
    *) find_deployments ;;
  esac
  if [ ${#running[@]} -gt 0 ]; then
    stop_deployments
    exit
  fi
  [ ${#rollbacks[@]} = 0 ] ||
    fail "CodeDeploy is rolling back already (${rollbacks[*]}). Wait until it has, then run the same command again"
  [ "$status" != UPDATE_IN_PROGRESS ] ||
    fail "the stack is being deployed ($status), and there is no canary to stop. Cancel it, which turns everything back: aws cloudformation cancel-update-stack --stack-name $stack"
  # Left over from a deployment that was stopped without a rollback.
  [ -n "$release" ] || ask "an alias sends a part of its requests to a second version, but no deployment is running"
}

# Sets the target of each function in NAME.to, empty to leave it alone.
choose() {
  local name newest
  for name in "${functions[@]}"; do
    if [ -n "$release" ]; then named "$name" "$release"; else older "$name"; fi >"$work/$name.to"
  done
  if [ -n "$release" ]; then
    [ -n "$(cat "$work"/*.to)" ] || ask "no function has a version of release $release"
    targets | all_same || ask "the functions have different versions of $release (settings, or attempts)"
  else
    for name in "${functions[@]}"; do description "$name" "$(version "$name")"; done | all_same ||
      ask "the functions are at different releases: a rollback was interrupted, or failed in the middle"
    name=${functions[0]}
    newest=$(awk -F '\t' 'NR == 1 { print $4 }' "$work/$name.versions")
    # Otherwise the same command, run twice by mistake, would go back twice.
    [ "$newest" = "$(description "$name" "$(version "$name")")" ] ||
      ask "the functions are behind the newest release ($newest) already: it was rolled back"
    [ -n "$(cat "$work"/*.to)" ] || ask "there is no release before the current one"
    for name in "${functions[@]}"; do
      [ -n "$(cat "$work/$name.to")" ] || ask "$name is new: it has no version before the current release"
    done
    targets | all_same || ask "the functions do not agree on the release before the current one"
  fi
  goal=$(targets | sed -n 1p)
}
# The descriptions of all targets.
targets() {
  local name to
  for name in "${functions[@]}"; do
    to=$(cat "$work/$name.to")
    if [ -n "$to" ]; then description "$name" "$to"; fi
  done
}

moves=()
plan() {
  local name at to from
  for name in "${functions[@]}"; do
    at=$(version "$name") to=$(cat "$work/$name.to")
    from=$(description "$name" "$at")
    if [ -z "$to" ]; then
      echo "$name: $at ($from), left alone: it has no version of that release"
    elif [ "$from" = "$goal" ] && ! weighted "$name"; then
      echo "$name: $at ($from), is there already"
    else
      [ "$(column 3 "$name" "$at")" = "$(column 3 "$name" "$to")" ] ||
        fail "$name: version $to uses the table $(column 3 "$name" "$to"), version $at uses $(column 3 "$name" "$at"), because tables were restored in between. Nothing was changed. Deploy the older tag with the tables of now instead (docs/operations.md)"
      echo "$name: $at ($from) -> $to ($goal)"
      moves+=("$name")
    fi
  done
}

move() {
  local name
  moved=() stuck=()
  # On after a failure: adjacent releases can read each other's tasks, so a mixture is
  # safe, and each function that is back helps somebody.
  for name in ${moves[@]+"${moves[@]}"}; do
    if aws lambda update-alias --function-name "$name" --name live --function-version "$(cat "$work/$name.to")" \
      --revision-id "$(cut -f 2 "$work/$name.alias")" --routing-config 'AdditionalVersionWeights={}' >/dev/null &&
      read_alias "$name" && [ "$(version "$name")" = "$(cat "$work/$name.to")" ] && ! weighted "$name"; then
      echo "$name: moved"
      moved+=("$name")
    else
      echo "$name: NOT moved, or its alias could not be read afterwards" >&2
      stuck+=("$name")
    fi
  done
}

read_stack
read_functions
case $status in *_IN_PROGRESS) deployment_runs ;; *) if any_weighted; then deployment_runs; fi ;; esac
choose
plan
if [ -n "$dry_run" ]; then
  echo "Dry run: nothing was changed."
  exit
fi
move
if [ ${#stuck[@]} -gt 0 ]; then
  there=none
  [ ${#moved[@]} = 0 ] || there=${moved[*]}
  cat >&2 <<END

FAILED: the functions are at different releases now, which is safe if the releases are adjacent.
moved: $there
not moved: ${stuck[*]}
Run this to finish; it skips those that are there, and sees what somebody else has changed:
  scripts/rollback.sh $stack '$goal'
END
  exit 1
fi
tag=$(WANTED=$goal awk -F '\t' '$4 == ENVIRON["WANTED"] { print $6; exit }' "$work"/*.versions)
cat <<END

== all good: $stack is at $goal (${#moved[@]} moved)
- The next deployment moves the aliases forward again, whatever it deploys.
- Data that the newer release has written stays.
- CloudFormation does not know of this (drift). When there is time, deploy that
  release again: $tag
END
