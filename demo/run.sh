#!/bin/sh
# Run the server in the foreground and say what to try.
set -eu
host=${OET_HOST:-127.0.0.1} port=${OET_PORT:-5000} subarray=${OET_SUBARRAY_ID:-1}
cat <<TEXT
Starting the OET. When it says that it is ready, try in another terminal:

  . $(cd "$(dirname "$0")/.." && pwd)/.venv/bin/activate
  export OET_URL=http://$host:$port/${KUBE_NAMESPACE:-ska-oso-oet}/oet/$subarray/api/v1
  oet procedure create file://hello_world.py
  oet procedure start 'everybody'
  oet procedure describe
  oet listen

Ctrl-C ends it; scripts that run are stopped first.

TEXT
exec oet-server
