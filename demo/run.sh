#!/bin/sh
# Run the server in the foreground and say what to try. Where the environment names no telescope, it is a
# simulated one; where it names no archive, that is a copy of the sample blocks. Both, and a small git
# repository to run a script from, are in the folder playground.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
play=$root/playground
host=${OET_HOST:-127.0.0.1} port=${OET_PORT:-5000} subarray=${OET_SUBARRAY_ID:-1}
kind=$(echo "${SKA_TELESCOPE:-SKA-mid}" | sed 's/^SKA-//')

mkdir -p "$play"
[ -d "$play/oda" ] || cp -r "$root/demo/oda" "$play/oda"
if [ ! -d "$play/observing" ]; then
    cp -r "$root/demo/observing" "$play/making" && git init --quiet --initial-branch=main "$play/making"
    git -C "$play/making" add .
    git -C "$play/making" -c user.name=OET -c user.email=oet@localhost commit --quiet --message='Say hello'
    mv "$play/making" "$play/observing"
fi
export OET_ODA_URL="${OET_ODA_URL:-file://$play/oda}"

cleanup() {
    trap '' INT TERM
    for process in "${server:-}" "${telescope:-}"; do
        [ -z "$process" ] || { kill "$process" 2>/dev/null; wait "$process"; } || true
    done
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "${SUBARRAYNODE_TRL_PREFIX:-}${CENTRALNODE_TRL:-}${TANGO_HOST:-}" ]; then
    oet-simulator --telescope "$kind" --subarrays "$subarray" --qa-after 0.5 >"$play/telescope" 2>&1 &
    telescope=$!
    until grep -qs '^ready' "$play/telescope"; do
        kill -0 "$telescope" 2>/dev/null || { cat "$play/telescope" >&2; exit 1; }
        sleep 0.1
    done
    grep '^export' "$play/telescope" >"$play/names"
    . "$play/names"
    echo "A simulated telescope is there."
fi
cat <<TEXT
Starting the OET. When it says that it is ready, try in another terminal:

  . $root/.venv/bin/activate
  export OET_URL=http://$host:$port/${KUBE_NAMESPACE:-ska-oso-oet}/oet/$subarray/api/v1
  oet procedure run file://hello_world.py everybody
  oet activity run observe sbd-$kind-demo
  oet listen

Ctrl-C ends it; scripts that run are stopped first.

TEXT
trap : INT TERM  # either ends the waiting
oet-server &
server=$!
wait "$server" && status=0 || status=$?
if kill "$server" 2>/dev/null; then
    wait "$server" && status=0 || status=$?
fi
server=
exit "$status"
