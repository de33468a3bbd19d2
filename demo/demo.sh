#!/bin/sh
# The OET at work, on embedded defaults and in a temporary state directory. Ends with everything stopped.
set -eu

state=$(mktemp -d)
export OET_STATE_DIR="$state/state" OET_PORT=0 LOG_LEVEL="${LOG_LEVEL:-ERROR}"

cleanup() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "${server:-}" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" || status=$?
    fi
    rm -rf "$state"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

show() { printf '\n$ %s\n' "$*"; "$@"; }
fails_with() {
    expected=$1; shift
    printf '\n$ %s\n' "$*"
    "$@" && got=0 || got=$?
    printf '[exit status %s]\n' "$got"
    [ "$got" -eq "$expected" ]
}

echo "Starting oet-server"
oet-server >"$state/ready" &
server=$!
until [ -s "$state/ready" ]; do
    kill -0 "$server" 2>/dev/null || { echo "The server did not start" >&2; exit 1; }
    sleep 0.1
done
cat "$state/ready"
OET_URL=$(sed 's/.*is ready: //' "$state/ready")
export OET_URL

echo; echo "== A script is created, then started and followed to its end"
show oet procedure create file://hello_world.py
show oet procedure start 'everybody'

echo; echo "== A script fails: the exit status says so, and describe says why"
fails_with 1 oet procedure run file://failing.py
show oet procedure describe

echo; echo "== A long script is stopped, and cleans up first"
show oet procedure create file://long_observation.py
show oet procedure start --listen=False
sleep 2
show oet procedure stop --run_abort=False
show oet procedure logs

echo; echo "== What was run"
show oet procedure list
show oet procedure describe
show oet status

echo; echo "Stopping oet-server"
