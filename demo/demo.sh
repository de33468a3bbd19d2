#!/bin/sh
# The OET at work: observes scheduling blocks on a simulated telescope, pauses one between its scans, runs it once
# more and stops that in the middle of a scan. On embedded defaults and in a temporary state directory. Ends with everything stopped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
state=$(mktemp -d)
export OET_STATE_DIR="$state/state" OET_PORT=0 LOG_LEVEL="${LOG_LEVEL:-ERROR}"
export OET_ODA_URL="file://$state/oda"
cp -r "$here/oda" "$state/oda"

cleanup() {
    status=$?
    trap - EXIT INT TERM
    for process in "${listener:-}" "${server:-}" "${telescope:-}"; do
        if [ -n "$process" ]; then
            kill "$process" 2>/dev/null || true
            wait "$process" || ended=$?
            [ "$process" = "${listener:-}" ] || [ "${ended:-0}" -eq 0 ] || status=$ended
        fi
    done
    rm -rf "$state"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

show() { printf '\n$ %s\n' "$*"; "$@"; }
# Wait until a file has a line like this; give up when the process that writes it has ended.
until_said() {
    until grep -q "$2" "$1" 2>/dev/null; do
        kill -0 "$3" 2>/dev/null || { echo "Not said in $1: $2" >&2; cat "$1" >&2; exit 1; }
        sleep 0.1
    done
}

# Start a simulated telescope, mid or low, and a server that observes with it.
start() {
    oet-simulator --telescope "$1" --qa-after 0.5 >"$state/telescope" 2>&1 &
    telescope=$!
    until_said "$state/telescope" '^ready' "$telescope"
    grep '^export' "$state/telescope" >"$state/names"
    . "$state/names"
    oet-server >"$state/ready" &
    server=$!
    until_said "$state/ready" 'is ready: ' "$server"
    cat "$state/ready"
    OET_URL=$(sed -n 's/.*is ready: //p' "$state/ready")
    export OET_URL
}
end() {
    for process in "$server" "$telescope"; do kill "$process"; wait "$process"; done
    server= telescope=
}

echo "Starting a simulated SKA-low and oet-server"
start low

echo; echo "== A scheduling block of SKA-low is observed"
show oet activity run observe sbd-low-demo
end

echo; echo "Starting a simulated SKA-mid and oet-server"
export OET_STATE_DIR="$state/mid"
start mid

echo; echo "== A scheduling block of SKA-mid is observed: resources are assigned, two scans run, resources are released"
show oet activity run observe sbd-mid-demo
show oet activity describe

echo; echo "== An observation is paused between its two scans, and goes on"
oet listen --format=text --topics=user,sb,scan,subarray >"$state/events" &
listener=$!
show oet activity run observe sbd-mid-demo --listen=False
until_said "$state/events" 'scan 1 of 2' "$server"
show oet procedure pause --note='a cloud' --wait
show oet status
show oet procedure resume
show oet procedure wait --progress
kill "$listener"
wait "$listener" 2>/dev/null || true

echo; echo "== It is run once more, stopped in the middle of its second scan, and the subarray aborted"
oet listen --format=text --topics=user,sb,scan,subarray >"$state/events" &
listener=$!
show oet activity rerun --aid=2 --listen=False
printf '\n$ oet listen --format=text --topics=user,sb,scan,subarray\n'
until_said "$state/events" 'scan 2 of 2' "$server"
until [ "$(grep -c ' starting$' "$state/events")" -ge 2 ]; do kill -0 "$server" || exit 1; sleep 0.1; done
cat "$state/events"
show oet activity stop
kill "$listener"
wait "$listener" 2>/dev/null || true
listener=
show oet activity list
show oet procedure list

echo; echo "== Nothing is left of the script, and the subarray is ABORTED"
show oet procedure logs --pid=3
obs_state=$(python - <<'PYTHON'
from ska_oso_oet.telescope.subarray import SubArray
print(SubArray(1).obs_state.name)
PYTHON
)
echo "obsState of subarray 1: $obs_state"
[ "$obs_state" = ABORTED ]
show oet status

echo; echo "Stopping oet-server and the simulated telescope"
