"""Loading and running a script is ordinary Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from ska_oso_oet.settings import PACKAGED_SCRIPTS

from ..conftest import Events, Server, serving
from ..support.terminals import Terminal

QA = {"wait_for_qa_ready": True}  #: what a function that takes it is told of the operator's decisions


def test_dataclasses_siblings_pickling_and_multiprocessing_work(server: Server) -> None:
    events = Events(server)
    found = server.ended(server.run("ordinary.py"))
    assert found["state"] == "COMPLETE", found["history"]["stacktrace"]
    events.wait(lambda e: e.get("msg") == "found")
    events.close()


def test_main_is_looked_up_when_it_is_started(server: Server) -> None:
    events = Events(server)
    pid = server.run("rebinds_main.py", init={"subarray_id": 3}, word="hello")
    assert server.ended(pid)["state"] == "COMPLETE"
    events.wait(lambda e: e.get("msg") == "3 hello")
    events.close()


def test_arguments_of_init_and_main_arrive(server: Server) -> None:
    events = Events(server)
    pid = server.create("echo.py", "goodbye", 1, subarray_id=1)
    server.wait_state(pid, "READY")
    server.start_main(pid, "bob", None, simulate=False, nested={"a": [1.5]})
    told = events.wait(lambda e: e["topic"] == "user.script.announce" and e["msg_src"] == str(pid))
    events.close()
    assert told["msg"] == {
        "init": [["goodbye", 1], {"subarray_id": 1}],
        "main": [["bob", None], {"context": QA, "simulate": False, "nested": {"a": [1.5]}}],
    }
    assert server.ended(pid)["script_args"] == {
        "init": {"args": ["goodbye", 1], "kwargs": {"subarray_id": 1}},
        "main": {"args": ["bob", None], "kwargs": {"context": QA, "simulate": False, "nested": {"a": [1.5]}}},
    }


def test_the_subarray_is_given_to_init_and_main_if_they_name_it(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "both.py"
    init, main = "def init(subarray_id):\n    pass\n", "def main(scans, subarray_id=None):\n    print({})\n"
    script.write_text(init + main.format("subarray_id, scans"))
    for given, subarray in (({}, 1), ({"subarray_id": 7}, 7)):
        pid = server.run(str(script), 4, **given)
        called = server.ended(pid)["script_args"]
        assert called["init"] == {"args": [], "kwargs": {"subarray_id": 1}}
        assert called["main"] == {"args": [4], "kwargs": {"subarray_id": subarray}}
        assert server.output(pid) == f"{subarray} 4\n"
        assert f"main      [4]          {{'subarray_id': {subarray}}}" in Terminal(server)(
            "procedure", "describe"
        )


def test_a_message_of_very_many_values_is_sent_as_its_representation(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "many.py"
    script.write_text(
        "from pubsub import pub\n"
        "def main():\n"
        "    pub.sendMessage('user.script.many', values=[[]] * 150_000, name='all')\n"
    )
    events = Events(server)
    server.ended(server.run(str(script)))
    told = events.wait(lambda e: e["topic"] == "user.script.many")
    events.close()
    assert told["values"].startswith("[[], [], ")
    assert told["name"] == "all"


def test_values_json_cannot_carry_are_sent_as_their_representation(server: Server) -> None:
    events = Events(server)
    pid = server.run("odd_messages.py")
    assert server.ended(pid)["state"] == "COMPLETE"
    events.wait(lambda e: e.get("msg") == "the end")
    mine = [e for e in events.all if e.get("msg_src") == str(pid)]
    events.close()
    first, second = (e for e in mine if e["topic"] == "user.odd")
    assert first["nan"] == "nan"
    assert first["when"] == "datetime.date(2026, 1, 2)"
    assert first["keys"] == "{(1, 2): 3}"
    assert second["unprintable"] == "<Unprintable>"
    assert second["bytes"] == "b'\\xff'"


def test_a_topic_of_any_name_is_told_or_refused_to_the_script(server: Server) -> None:
    events = Events(server)
    pid = server.run("odd_messages.py")
    own = events.wait(lambda e: e["topic"] == "my own/topic" and e["msg_src"] == str(pid))
    events.close()
    assert server.ended(pid)["state"] == "COMPLETE"
    assert own["time"] > 1
    assert {name: own[name] for name in ("topic__", "topic_", "time_", "msg_src_", "id_", "name")} == {
        "topic__": "t",
        "topic_": "u",
        "time_": 1,
        "msg_src_": "nobody",
        "id_": "i",
        "name": "n",
    }
    assert "id" not in own
    assert server.output(pid).splitlines() == [
        "topic 'request.procedure.stop' is for the OET itself; begin with another word, such as 'user'",
        "topic 'procedure.lifecycle.failed' is for the OET itself; begin with another word, such as 'user'",
        "topic 'my.a\\nb' has characters that cannot be printed",
    ]


def test_a_script_cannot_forge_what_the_oet_says(server: Server) -> None:
    events = Events(server)
    pid = server.run("odd_messages.py")
    events.wait(lambda e: e.get("msg") == "the end" and e["msg_src"] == str(pid))
    server.ended(pid)
    forged = [e for e in events.all if e["topic"] == "request.procedure.stop"]
    failed = [e for e in events.all if e["topic"] == "procedure.lifecycle.failed" and e["result"] == {}]
    events.close()
    assert forged == failed == []


def test_output_of_python_of_c_and_of_children_is_captured(server: Server) -> None:
    pid = server.run("prints.py", 2)
    server.ended(pid)
    assert server.output(pid, stream="stdout") == "line 0\nline 1\nfrom C: é\nfrom a child\n"
    assert server.output(pid, stream="stderr") == "a warning\n"


def test_each_run_has_a_folder_of_its_own_to_work_in(own_server: Server) -> None:
    script = own_server.state.parent / "where.py"
    script.write_text("import os\ndef main():\n    print(os.getcwd())\n    open('note', 'w').close()\n")
    pid = own_server.run(str(script))
    own_server.ended(pid)
    folder = Path(own_server.output(pid).strip())
    assert folder.parent.name == str(pid)
    assert (folder / "note").exists()


def test_random_numbers_differ_from_run_to_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("scripts") / "dice.py"
    script.write_text(
        "import random, numpy\ndef main():\n    print(random.random(), numpy.random.random())\n"
    )
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_PRELOAD="numpy,random") as server:
        thrown = []
        for _ in range(3):
            pid = server.run(str(script))
            server.ended(pid)
            thrown += server.output(pid).split()
    assert len(set(thrown)) == 6


def test_a_script_called_like_a_standard_module_does_not_take_its_place(own_server: Server) -> None:
    script = own_server.state.parent / "json.py"
    script.write_text("from pubsub import pub\ndef main():\n    pub.sendMessage('user.word', word='sent')\n")
    events = Events(own_server)
    assert own_server.ended(own_server.run(str(script)))["state"] == "COMPLETE"
    events.wait(lambda e: e.get("word") == "sent")
    events.close()


@pytest.mark.parametrize("name", ["hello_world.py", "failing.py", "long_observation.py"])
def test_the_packaged_examples_do_what_they_say(server: Server, name: str) -> None:
    pid = server.create(f"{PACKAGED_SCRIPTS}/{name}")
    server.wait_state(pid, "READY")
    server.start_main(pid, **({"scans": 2, "seconds": 0} if name.startswith("long") else {}))
    found = server.ended(pid)
    assert found["state"] == ("FAILED" if name == "failing.py" else "COMPLETE")
    expected = {"hello": "Hello, world!", "failing": "Dividing 64 scans", "long": "Cleaning up"}
    assert expected[name.partition("_")[0].removesuffix(".py")] in server.output(pid)


def test_the_packaged_scripts_are_found_after_those_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "failing.py").write_text("def main():\n    print('mine')\n")
    settings = {"SCRIPTS_LOCATION": str(own), "OET_SCRIPT_PATHS": str(own)}
    with serving(tmp_path / "state", **settings) as server:
        packaged = server.run("hello_world.py", "everybody")
        assert server.ended(packaged)["state"] == "COMPLETE"
        mine = server.run("failing.py")
        assert (server.ended(mine)["state"], server.output(mine)) == ("COMPLETE", "mine\n")
        assert "cannot be reached" in server.ended(server.run("abort.py"))["outcome"]["detail"]
        for uri, why in (("file://no_such.py", "No such file"), ("file://../settings.py", "outside")):
            script = {"script_type": "filesystem", "script_uri": uri}
            answer = server.request("POST", "/procedures", json={"script": script})
            assert (answer.status_code, why in answer.json()["detail"]) == (422, True)


def test_a_script_of_ones_own_that_cannot_be_read_is_not_replaced_by_a_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "hello_world.py").symlink_to(tmp_path / "gone.py")
    with serving(tmp_path / "state", SCRIPTS_LOCATION=str(tmp_path)) as server:
        script = {"script_type": "filesystem", "script_uri": "file://hello_world.py"}
        answer = server.request("POST", "/procedures", json={"script": script})
        assert (answer.status_code, "No such file" in answer.json()["detail"]) == (422, True)
