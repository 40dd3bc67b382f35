#!/usr/bin/env bash
# Tests the template and the functions with the real SAM CLI, without an account:
#
#   scripts/sam-check.sh            all of the following
#   scripts/sam-check.sh lint       the template, as written and as SAM expands it, and
#                                   those in deploy/
#   scripts/sam-check.sh guided     the prompts of sam deploy --guided, as in README.md
#   scripts/sam-check.sh build      sam build, for this machine's processor
#   scripts/sam-check.sh invoke     sam local invoke for every file in events/
#   scripts/sam-check.sh api        sam local start-api and the user stories
#
# Needs sam and cargo-lambda (pip install aws-sam-cli cargo-lambda); the last two
# steps also need Docker, curl and openssl. If checkov is on PATH, lint runs it; it needs an
# environment of its own (scripts/checkov-requirements.txt). These variables override the
# defaults:
#
#   SAM_CHECK_FLAGS  more flags for `sam local`, such as --skip-pull-image if
#                    the images are already here and there is no registry
#   SAM_CHECK_HOST   an address of this machine that containers can reach; the
#                    default is that of Docker's bridge, or 127.0.0.1 if Docker
#                    runs in a virtual machine (macOS, Windows)
#   SAM_CHECK_LOCAL  how to run the local server, instead of `cargo run -q --`
#   SAM_CHECK_CHECKOV
#                    the checkov to run, instead of one on PATH; lint then fails without
set -euo pipefail
cd "$(dirname "$0")/.."

steps=("$@")
[ $# -gt 0 ] || steps=(lint guided build invoke api)
read -ra flags <<<"${SAM_CHECK_FLAGS:-}"
read -ra local <<<"${SAM_CHECK_LOCAL:-cargo run -q --}"

case $(uname -m) in
  aarch64 | arm64) architecture=arm64 ;;
  *) architecture=x86_64 ;;
esac
# This machine's architecture, not the deployment's, so that containers run
# without emulation.
parameters=("Architecture=$architecture" BetterAuthUrl=http://localhost:3000)

# The Python that runs SAM also has the packages that the small programs here need.
python=$(sed -n '1s/^#!//p' "$(command -v sam)")
[ -x "$python" ] || python=python3

# Nothing here calls AWS, but SAM and the functions need credentials and a region.
export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_SESSION_TOKEN='' AWS_DEFAULT_REGION=us-east-1
export SAM_CLI_TELEMETRY=0
# The published development secret, which signs the tokens in events/.
export BETTER_AUTH_SECRET=tasks-api-development-secret-0123456789

work=$(mktemp -d)
jobs=()
environment=
finish() {
  rm -f .aws-sam/build/key-set.yaml .aws-sam/build/GetTaskFunction/issuer.pem
  for job in ${jobs[@]+"${jobs[@]}"}; do kill "$job" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap finish EXIT

title() { printf '\n== %s\n' "$*"; }
fail() {
  echo "$*" >&2
  exit 1
}

free_port() {
  "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for LOG TEXT JOB: waits until a program reports that it is ready, or exits.
wait_for() {
  local left=3000
  until grep -qs -- "$2" "$1"; do
    kill -0 "$3" 2>/dev/null || { cat "$1" >&2; fail "the program exited before it was ready"; }
    [ $((left -= 1)) -gt 0 ] || { cat "$1" >&2; fail "the program was not ready within ten minutes"; }
    sleep 0.2
  done
}

lint() {
  title "sam validate --lint"
  sam validate --lint
  # The lint only sees the resources that SAM generates if the template is
  # expanded. Once for development, once with everything on, once without the page.
  title "cfn-lint of the expanded template"
  local everything=(
    Stage=prod Canary=true Tracing=Active ReservedConcurrency=5 AlarmEmail=on-call@example.com
    DomainName=api.example.com HostedZoneId=Z0000000000000
    CertificateArn=arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000
    JwksUrl=https://app.example.com/jwks JwtIssuer=https://app.example.com JwtAudience=tasks-api
    BetterAuthSecretName=secret BetterAuthSecretVersion=00000000-0000-0000-0000-000000000000
    KmsKeyArn=arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000
    PermissionsBoundary=arn:aws:iam::123456789012:policy/boundary Release=v1.2.0-1
    RestoredTasksTable=tasks RestoredIdempotencyTable=idempotency LogClientAddresses=true
    TicketEmail=office@example.com MonthlyBudget=100
  )
  expanded defaults
  expanded everything "${everything[@]}"
  expanded canary DocsPage=off Canary=true
  title "cfn-lint of deploy/"
  cfn_lint deploy/*.yaml
  echo "clean: $(echo deploy/*.yaml)"
  run_checkov
}

cfn_lint() { "$python" -c "import sys; from cfnlint.runner import main; sys.exit(main())" "$@"; }

# expanded NAME [PARAMETER=VALUE...]
expanded() {
  local file="$work/$1.json"
  shift
  "$python" scripts/sam-expand.py template.yaml "${parameters[@]}" "$@" >"$file"
  # W1028: SAM repeats the condition for the docs inside the docs' routes.
  # W1030: it tries every value of a parameter, even where SAM has already
  # resolved the value (Tracing is only written if it is Active).
  # W3011: template.yaml says why under Metadata, which SAM does not keep.
  cfn_lint --ignore-checks W1028 W1030 W3011 --template "$file"
  echo "clean with: ${*:-defaults}"
}

# .checkov.yaml says what it skips, and why.
run_checkov() {
  title "checkov"
  local checkov=${SAM_CHECK_CHECKOV:-checkov}
  if ! command -v "$checkov" >/dev/null; then
    [ -z "${SAM_CHECK_CHECKOV:-}" ] || fail "SAM_CHECK_CHECKOV: no program $checkov"
    echo "skipped: checkov is not on PATH, and SAM_CHECK_CHECKOV is not set"
    return 0
  fi
  "$checkov" --config-file .checkov.yaml --file template.yaml deploy/*.yaml "$work"/{defaults,everything,canary}.json
}

guided() {
  title "sam deploy, with the answers in README.md"
  "$python" scripts/sam-guided.py
}

build() {
  title "sam build ($architecture)"
  sam build --parameter-overrides "${parameters[@]}"
  scripts/check-build.sh "$architecture"
}

# The address of this machine on Docker's bridge. Docker only reports it after the
# first container has run; before that, it is the first address of the network.
bridge() {
  docker network inspect bridge --format '{{with index .IPAM.Config 0}}{{.Gateway}} {{.Subnet}}{{end}}' |
    "$python" -c 'import ipaddress, sys
*gateway, subnet = sys.stdin.read().split()
print(*gateway or [next(ipaddress.ip_network(subnet, strict=False).hosts())])'
}

# Starts the embedded DynamoDB, with the task of events/, and a proxy for the
# containers. DynamoDB only listens on 127.0.0.1, which they cannot reach on Linux.
database() {
  [ -z "$environment" ] || return 0
  title "the embedded DynamoDB"
  local port host=${SAM_CHECK_HOST:-}
  port=$(free_port)
  "${local[@]}" serve --port "$(free_port)" --dynamodb-port "$port" --in-memory >"$work/local.log" 2>&1 &
  jobs+=($!)
  wait_for "$work/local.log" "listening on" $!
  if [ -z "$host" ]; then
    if [ "$(uname)" = Linux ]; then host=$(bridge); else host=127.0.0.1; fi
  fi
  certificate
  "$python" scripts/sam-host.py "$host" "$port" events/key-set/jwks.json "$work/host.pem" >"$work/host.log" 2>&1 &
  jobs+=($!)
  wait_for "$work/host.log" "key set on" $!
  local database_port key_set_port
  database_port=$(sed -n 's/^DynamoDB on //p' "$work/host.log")
  key_set_port=$(sed -n 's/^key set on //p' "$work/host.log")
  echo "containers reach it at $host:$database_port"

  # SAM only passes variables that the template declares; this overrides them.
  environment=$work/environment.json
  local common='"AWS_ENDPOINT_URL_DYNAMODB": "http://host.docker.internal:'$database_port'",
    "TASKS_TABLE": "TasksTable", "IDEMPOTENCY_TABLE": "IdempotencyTable",
    "USER_HASH_KEY": "local", "METRICS_NAMESPACE": ""'
  echo '{"Parameters": {'"$common"', "BETTER_AUTH_SECRET": "'"$BETTER_AUTH_SECRET"'"}}' >"$environment"
  echo '{"Parameters": {'"$common"', "BETTER_AUTH_SECRET": "", "SSL_CERT_FILE": "/var/task/issuer.pem",
    "JWKS_URL": "https://host.docker.internal:'"$key_set_port"'/jwks.json",
    "JWT_ISSUER": "https://issuer.example", "JWT_AUDIENCE": "tasks-api"}}' >"$work/key-set.json"
  flags+=(--add-host host.docker.internal:host-gateway --parameter-overrides "${parameters[*]}")
}

# Key sets are fetched over HTTPS, so the issuer of events/key-set needs a
# certificate that the function trusts.
certificate() {
  (
    cd "$work"
    exec >openssl.log 2>&1
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out issuer.pem -days 1 -subj "/CN=sam-check"
    openssl req -newkey rsa:2048 -nodes -keyout host.key -out host.csr -subj "/CN=host.docker.internal"
    echo "subjectAltName=DNS:host.docker.internal" >host.ext
    openssl x509 -req -in host.csr -CA issuer.pem -CAkey ca.key -CAcreateserial -days 1 -extfile host.ext -out host.crt
    cat host.key host.crt >host.pem
  ) || { cat "$work/openssl.log" >&2; return 1; }
}

# expected EVENT: the status that the file's name implies.
expected() {
  case $(basename "$1" .json) in
    *.bad-* | *.not-json) echo 400 ;;
    *.no-token | *.expired-token | *.forged | *.unknown-key | *.another-issuer | *.secret-token) echo 401 ;;
    *.another-users-task) echo 403 ;;
    *.unknown-task | *.unknown-file) echo 404 ;;
    *.stale) echo 412 ;;
    create-task*) echo 201 ;;
    delete-task | erase-tasks) echo 204 ;;
    *) echo 200 ;;
  esac
}

# invoke_one EVENT ENVIRONMENT TEMPLATE
invoke_one() {
  local name function status
  name=$(basename "$1" .json)
  # get-task.expired-token is an event of GetTaskFunction.
  function=$("$python" -c 'import sys; print("".join(map(str.capitalize, sys.argv[1].split("-"))))' "${name%%.*}")Function
  sam local invoke "$function" --event "$1" --env-vars "$2" --template "$3" "${flags[@]}" \
    >"$work/reply" 2>"$work/invoke.log" || { cat "$work/invoke.log" >&2; fail "$1: sam failed"; }
  # SAM does not fail if the function does, so check the reply.
  status=$(tail -n 1 "$work/reply" |
    "$python" -c 'import json, sys; print(json.load(sys.stdin).get("statusCode"))') || status=none
  echo "$1: $status"
  if [ "$status" != "$(expected "$1")" ]; then
    cat "$work/invoke.log" "$work/reply" >&2
    fail "$1: $status instead of $(expected "$1")"
  fi
}

invoke() {
  database
  title "sam local invoke"
  local built=.aws-sam/build event
  # The same template with one more variable, and the certificate beside the code.
  sed 's/^\( *\)JWKS_URL:/\1SSL_CERT_FILE: ""~&/' "$built/template.yaml" | tr '~' '\n' >"$built/key-set.yaml"
  cp "$work/issuer.pem" "$built/GetTaskFunction/"
  for event in events/key-set/*.json; do
    [ "$event" = events/key-set/jwks.json ] || invoke_one "$event" "$work/key-set.json" "$built/key-set.yaml"
  done
  # Deletions come last, because the other events need the task, and then what erases it.
  for event in events/[!de]*.json events/ex*.json events/d*.json events/er*.json; do
    invoke_one "$event" "$environment" "$built/template.yaml"
  done
}

api() {
  database
  title "sam local start-api"
  local port
  port=$(free_port)
  sam local start-api --port "$port" --env-vars "$environment" "${flags[@]}" >"$work/api.log" 2>&1 &
  jobs+=($!)
  wait_for "$work/api.log" "Running on http" $!
  SMOKE_SECRET=$BETTER_AUTH_SECRET scripts/smoke.sh "http://127.0.0.1:$port"
}

for step in "${steps[@]}"; do
  case $step in
    lint | guided | build | invoke | api) "$step" ;;
    *) fail "unknown step: $step" ;;
  esac
done
title "all good"
