"""A client that is generated from the OpenAPI document creates, starts and stops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..auth.conftest import guarded
from ..conftest import Server
from ..support.issuer import Issuer

_USES_IT = """
import sys, time
from observation_execution_tool_client import Client
from observation_execution_tool_client.api.health import livez, status
from observation_execution_tool_client.api.procedures import (
    start_or_stop_procedure, create_procedure, get_output, get_procedure, list_procedures)
from observation_execution_tool_client.models import (
    Arguments, ArgumentsKwargsType0, ChangeBody, ChangeBodyStateType0, CreateBody, FileScript,
    Problem, Procedure, ScriptArguments, ShownScript, Stopped)

for create_env in (False, True, "fresh"):
    shown = {"script_type": "git", "script_uri": "git://a.py", "create_env": create_env}
    assert ShownScript.from_dict(shown).create_env == create_env
client = Client(sys.argv[1], raise_on_unexpected_status=True)
assert livez.sync(client=client).status == "alive"
kwargs = ArgumentsKwargsType0()
kwargs["subarray_id"] = 1
given = ScriptArguments(init=Arguments(kwargs=kwargs))
script = FileScript(script_type="filesystem", script_uri=f"file://{sys.argv[2]}")
created = create_procedure.sync(client=client, body=CreateBody(script, given), idempotency_key="once")
assert isinstance(created, Procedure), created
assert created.script_args.init.kwargs["subarray_id"] == 1
while get_procedure.sync(created.id, client=client).state != "READY":
    time.sleep(0.01)
given = ScriptArguments(main=Arguments(args=["x"]))
start = ChangeBody(state=ChangeBodyStateType0.RUNNING, script_args=given)
started = start_or_stop_procedure.sync(created.id, client=client, body=start)
assert started.state == "RUNNING" and started.script_args.main.args == ["x"], started
assert status.sync(client=client).ready
assert created.id in [procedure.id for procedure in list_procedures.sync(client=client)]
refused = start_or_stop_procedure.sync(created.id, client=client, body=start)
assert isinstance(refused, Problem) and refused.status == 409, refused
while not (output := get_output.sync(created.id, client=client)).chunks:
    time.sleep(0.01)
assert output.chunks[0].text == "running\\n"
stop = ChangeBody(state=ChangeBodyStateType0.STOPPED)
stopped = start_or_stop_procedure.sync(created.id, client=client, body=stop)
assert isinstance(stopped, Stopped) and stopped.survivors == 0, stopped
ended = get_procedure.sync(created.id, client=client)
assert ended.state == "STOPPED" and ended.outcome.reason == "stopped", ended
print("done")
"""

SCRIPT = """
import time
def init(subarray_id):
    pass
def main(word):
    print("running", flush=True)
    while True:
        time.sleep(0.01)
"""


_SAYS_WHO_IT_IS = """
import sys
from observation_execution_tool_client import AuthenticatedClient
from observation_execution_tool_client.api.operator import set_switch
from observation_execution_tool_client.api.procedures import list_procedures
from observation_execution_tool_client.models import (
    ListProceduresStateType0Item as State, Problem, Switch, SwitchBody, SwitchBodyAction)

known, unknown = (AuthenticatedClient(sys.argv[1], token=token) for token in (sys.argv[2], "x"))
wanted = {"all_": True, "limit": 3, "state": [State.READY, State.FAILED], "script": "*.py", "since": 1.5}
assert list_procedures.sync(client=known, **wanted) == []
refused = list_procedures.sync(client=unknown)
assert isinstance(refused, Problem) and refused.status == 401, refused
disable, enable = (SwitchBody(SwitchBodyAction(action)) for action in ("disable", "enable"))
switch = set_switch.sync(client=known, body=disable, idempotency_key="once")
assert isinstance(switch, Switch) and switch.set_by == "tester", switch
refused = set_switch.sync(client=known, body=enable, idempotency_key="once")
assert isinstance(refused, Problem) and refused.status == 422, refused
print("done")
"""


@pytest.fixture(scope="module")
def generated(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a client generated from the document of a server."""
    return _generate(server, tmp_path_factory.mktemp("generated"))


def _generate(server: Server, folder: Path) -> Path:
    (folder / "openapi.json").write_text(json.dumps(server.get("/openapi.json")))
    program = Path(sys.executable).with_name("openapi-python-client")
    done = subprocess.run(
        [program, "generate", "--path", folder / "openapi.json", "--output-path", folder / "client"],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},  # it formats with ruff
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr, done.stdout
    return folder / "client"


def test_every_module_of_it_can_be_imported(generated: Path) -> None:
    names = [
        ".".join(path.relative_to(generated).with_suffix("").parts)
        for path in generated.rglob("*.py")
        if path.name != "__init__.py"
    ]
    assert len(names) > 50
    program = f"import importlib\nfor name in {names}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", program], cwd=generated, check=True)


def _use(generated: Path, program: str, *words: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *words],
        cwd=generated,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_it_creates_starts_and_stops_and_tells_a_refusal(
    server: Server, generated: Path, tmp_path: Path
) -> None:
    script = tmp_path / "runs.py"
    script.write_text(SCRIPT)
    _use(generated, _USES_IT, server.url, script)


def test_one_of_a_server_that_wants_tokens_sends_them(tmp_path: Path) -> None:
    issuer = Issuer().start()
    try:
        with guarded(tmp_path / "state", issuer) as server:
            generated = _generate(server, tmp_path)
            _use(generated, _SAYS_WHO_IT_IS, server.url, issuer.token(scope="oet:execute"))
    finally:
        issuer.stop()
