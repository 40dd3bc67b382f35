#!/usr/bin/env bash
# Tries a deployed API with the five user stories: create, list, update, toggle, delete. A
# second device follows the changes, and sends batches. The tasks are exported and, if the
# user is the script's own, erased in the end.
#
#   scripts/smoke.sh URL
#
# It works as a user of its own or as the one of a token, and deletes the tasks that it
# made. Exit code 0 means that all went well; otherwise the last lines say what did not.
# Needs curl and python3. The environment says who it is:
#
#   SMOKE_SECRET       signs tokens with this secret (HS256). SMOKE_ISSUER, SMOKE_AUDIENCE
#                      and SMOKE_CLIENT_ID add iss, aud and client_id to them
#   SMOKE_TOKEN        or: a token from your issuer
#   SMOKE_OTHER_TOKEN  and one of another user; without it, whether users are kept apart
#                      is not checked
#
# Without a secret and a token it only checks what needs none, and says so.
set -euo pipefail

fail() {
  echo "FAILED: ${story:-start}: $*" >&2
  exit 1
}

[ $# = 1 ] || fail "usage: scripts/smoke.sh URL"
url=${1%/}
json="Content-Type: application/json"
work=$(mktemp -d)
made=()

finish() {
  local path
  for path in ${made[@]+"${made[@]}"}; do
    curl -s -o /dev/null --max-time 30 -X DELETE "$url$path?permanent=true" -H "$user" || true
  done
  rm -rf "$work"
}
trap finish EXIT

begin() {
  story=$1
  printf '\n== %s\n' "$story"
}

# call STATUS METHOD PATH [curl's arguments]: saves body and headers in $work.
call() {
  local expected=$1 method=$2 path=$3 status
  shift 3
  status=$(curl -s --max-time 30 -o "$work/body" -D "$work/headers" -w '%{http_code}' -X "$method" "$url$path" "$@") ||
    fail "$method $path: no reply (curl: $?)"
  echo "$method $path: $status"
  [ "$status" = "$expected" ] || { cat "$work/headers" "$work/body" >&2; echo >&2; fail "$method $path: $status instead of $expected"; }
}
header() { tr -d '\r' <"$work/headers" | sed -n "s/^$1: //Ip"; }
# next_page: the target of the Link.
next_page() { header link | sed 's/^<\(.*\)>; rel="next"$/\1/'; }
# body EXPRESSION: evaluates a Python expression; `it` is the body.
body() { python3 -c 'import json, sys; it = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/body" "$1"; }
# same WHAT ACTUAL EXPECTED: compares.
same() { [ "$2" = "$3" ] || fail "$1: $2 instead of $3"; }

# sign USER: a token of ten minutes.
sign() {
  local signed
  signed=$(python3 - "$1" <<'PYTHON'
import base64, json, os, sys, time
claims = {"sub": sys.argv[1], "iat": int(time.time()), "exp": int(time.time()) + 600}
for claim, variable in ("iss", "SMOKE_ISSUER"), ("aud", "SMOKE_AUDIENCE"), ("client_id", "SMOKE_CLIENT_ID"):
    if os.environ.get(variable):
        claims[claim] = os.environ[variable]
encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
print(encode({"alg": "HS256", "typ": "JWT"}) + "." + encode(claims))
PYTHON
  )
  # Not as arguments, which other users of the machine can see.
  printf '%s.%s' "$signed" "$(printf %s "$signed" | SECRET=$SMOKE_SECRET python3 -c '
import base64, hashlib, hmac, os, sys
tag = hmac.digest(os.environ["SECRET"].encode(), sys.stdin.buffer.read(), hashlib.sha256)
print(base64.urlsafe_b64encode(tag).decode().rstrip("="), end="")')"
}

begin "health"
call 200 GET /health
same status "$(body 'it["status"]')" healthy

begin "nobody gets in without a token"
call 401 GET /api/tasks
call 401 GET /api/tasks -H "Authorization: Bearer nonsense"

if [ -n "${SMOKE_SECRET:-}" ]; then
  run=$(python3 -c 'import uuid; print(uuid.uuid4())')
  SMOKE_TOKEN=$(sign "smoke-$run")
  SMOKE_OTHER_TOKEN=$(sign "smoke-other-$run")
fi
if [ -z "${SMOKE_TOKEN:-}" ]; then
  printf '\n== all good, without a user: neither SMOKE_SECRET nor SMOKE_TOKEN is set\n'
  exit 0
fi
# Headers in files, for the same reason.
printf 'Authorization: Bearer %s' "$SMOKE_TOKEN" >"$work/user"
user=@$work/user

# A due date that nobody else has: lists within it hold the tasks of this run only.
day=$(python3 -c 'import random; print(f"{random.randrange(3000, 9000)}-{random.randrange(1, 13):02}-{random.randrange(1, 28):02}")')
window="sort=due_date&due_after=${day}T00:00:00Z&due_before=${day}T12:00:00Z"
# create TITLE HOUR
create() {
  call 201 POST /api/tasks -H "$user" -H "$json" -d "{\"title\": \"$1\", \"due_date\": \"${day}T0$2:00:00Z\"}"
  path=$(header location)
  made+=("$path")
}
# listed QUERY TITLES: an index may lag behind a write for a moment.
listed() {
  local left=10
  while :; do
    call 200 GET "$1" -H "$user"
    [ "$(body '[task["title"] for task in it]')" != "$2" ] || return 0
    [ $((left -= 1)) -gt 0 ] || fail "$1: $(body '[task["title"] for task in it]') instead of $2"
    sleep 0.5
  done
}

# follow: reads the changes to the end, as a new device does.
follow() {
  local more=True
  while [ "$more" = True ]; do
    call 200 GET "/api/changes${since:+?since=$since}" -H "$user"
    since=$(body 'it["next"]') more=$(body 'it["more"]')
  done
}
# told MEMBER: the changes have the last task with this member, task or deleted_at.
told() {
  local left=10
  while :; do
    call 200 GET "/api/changes?since=$since" -H "$user"
    since=$(body 'it["next"]')
    [ "$(body "any('${path##*/}' == it['id'] and '$1' in it for it in it['changes'])")" != True ] || return 0
    [ $((left -= 1)) -gt 0 ] || fail "no change of $path with $1"
    sleep 0.5
  done
}

begin "changes"
follow

begin "create"
call 400 POST /api/tasks -H "$user" -H "$json" -d '{"title": ""}'
create banana 2
create Zebra 3
create Äpfel 1
etag=$(header etag)
call 200 GET "$path" -H "$user"
call 304 GET "$path" -H "$user" -H "If-None-Match: $etag"
told task

begin "list with filter, sort and pages"
listed "/api/tasks?status=pending&$window&limit=2" "['Äpfel', 'banana']"
listed "$(next_page)" "['Zebra']"
same "the link of the last page" "$(header link)" ""
call 200 GET "/api/tasks?sort=title&limit=1" -H "$user"

begin "update with If-Match"
call 200 PUT "$path" -H "$user" -H "$json" -H "If-Match: $etag" -d '{"title": "Birnen"}'
same title "$(body 'it["title"]')" Birnen
call 412 PUT "$path" -H "$user" -H "$json" -H "If-Match: $etag" -d '{"title": "Kirschen"}'

begin "toggle"
call 200 PATCH "$path/complete" -H "$user"
same completed "$(body 'it["completed"]')" True
listed "/api/tasks?status=completed&$window" "['Birnen']"

# new_id: a UUIDv7.
new_id() {
  python3 -c '
import time, uuid
now, noise = f"{time.time_ns() // 10**6:012x}", str(uuid.uuid4())
print(f"{now[:8]}-{now[8:]}-7{noise[15:]}")'
}
# op KIND ID [MEMBERS]: an operation of a batch.
op() { printf '{"op": "%s", "id": "%s"%s}' "$1" "$2" "${3:+, $3}"; }
# batch STATUSES OPERATION...: the statuses are those of the results.
batch() {
  local statuses=$1
  shift
  call 200 POST /api/batch -H "$user" -H "$json" -d "{\"operations\": [$(IFS=, && echo "$*")]}"
  same "the results" "$(body '[result["status"] for result in it["results"]]')" "$statuses"
}

begin "batch"
fig=$(new_id) plum=$(new_id)
made+=("/api/tasks/$fig" "/api/tasks/$plum")
creates=(
  "$(op create "$fig" "\"task\": {\"title\": \"Feige\", \"due_date\": \"${day}T04:00:00Z\"}")"
  "$(op create "$plum" '"task": {"title": "Pflaume"}')"
)
batch "[201, 201]" "${creates[@]}"
# Safe to repeat.
batch "[200, 200]" "${creates[@]}"
batch "[200, 204]" "$(op set_completed "$fig" '"completed": true')" "$(op delete "$plum")"
listed "/api/tasks?status=completed&$window" "['Birnen', 'Feige']"
edit='"changes": {"title": "Datteln"}'
batch "[412, 404]" "$(op update "$fig" '"if_match": "\"old\"", '"$edit")" "$(op update "$plum" "$edit")"
same "the current title" "$(body 'it["results"][0]["problem"]["current"]["title"]')" Feige
call 400 POST /api/batch -H "$user" -H "$json" -d '{"operations": []}'

begin "export"
page="/api/export?format=csv"
while [ -n "$page" ]; do
  call 200 GET "$page" -H "$user"
  cat "$work/body" >>"$work/tasks.csv"
  page=$(next_page)
done
titles=$(python3 - "$work/tasks.csv" "${made[@]##*/}" <<'PYTHON'
import csv, sys
with open(sys.argv[1], encoding="utf-8-sig", newline="") as file:
    titles = {row["id"]: row["title"] for row in csv.DictReader(file)}
print([titles.get(task) for task in sys.argv[2:]])
PYTHON
)
same "the exported titles" "$titles" "['banana', 'Zebra', 'Birnen', 'Feige', 'Pflaume']"

if [ -n "${SMOKE_OTHER_TOKEN:-}" ]; then
  begin "users are kept apart"
  printf 'Authorization: Bearer %s' "$SMOKE_OTHER_TOKEN" >"$work/other"
  call 200 GET "/api/tasks?$window" -H "@$work/other"
  same "the other user's list" "$(body it)" "[]"
  call 403 GET "$path" -H "@$work/other"
  call 403 PUT "$path" -H "@$work/other" -H "$json" -d '{"title": "mine"}'
fi

begin "delete and restore"
call 204 DELETE "$path" -H "$user"
call 404 GET "$path" -H "$user"
told deleted_at
call 200 POST "$path/restore" -H "$user"
same title "$(body 'it["title"]')" Birnen
told task
for path in "${made[@]}"; do
  call 204 DELETE "$path?permanent=true" -H "$user"
done
call 404 GET "$path" -H "$user"
call 404 POST "$path/restore" -H "$user"
made=()

if [ -n "${SMOKE_SECRET:-}" ]; then
  begin "erase"
  create Kirsche 5
  call 400 DELETE "/api/account-data?confirm=smoke-other-$run" -H "$user"
  call 200 GET "$path" -H "$user"
  call 204 DELETE "/api/account-data?confirm=smoke-$run" -H "$user"
  call 404 GET "$path" -H "$user"
  made=()
fi
printf '\n== all good\n'
