from __future__ import annotations

import json
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ska_oso_oet_client.cli.command_line import Grammar, sort_words
from ska_oso_oet_client.cli.values import read_value

START = Grammar(
    options={
        "pid": "--pid",
        "listen": "--listen",
        "git_branch": "--git_branch",
        "server_url": "--server-url",
        "subarray_id": "--subarray_id",
    },
    flags=frozenset({"listen"}),
    arguments=frozenset({"script_uri"}),
    takes_script_arguments=True,
)
LIST = Grammar(options={"pid": "--pid"})

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("false", False),
        ("False", False),
        ("true", True),
        ("12", 12),
        ("-1.5", -1.5),
        ("[1, 2]", [1, 2]),
        ("(1, 2)", [1, 2]),
        ("null", None),
        ("None", None),
        ("'bob'", "bob"),
        ('"bob"', "bob"),
        ("bob", "bob"),
        ('{"a": 1}', {"a": 1}),
        ("{'a': 1}", {"a": 1}),
        ("", ""),
        ("12 Jan", "12 Jan"),
        ("{1, 2}", "{1, 2}"),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("...", "..."),
        ("b'x'", "b'x'"),
        (r"'\d'", r"\d"),
        ("http://x/?a=b", "http://x/?a=b"),
        ("0123", "0123"),
        ("(" * 5000, "(" * 5000),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_value_is_what_it_looks_like(typed: str, value: Any) -> None:
    assert read_value(typed) == value
    assert type(read_value(typed)) is type(value)


@given(JSON_VALUES)
@pytest.mark.long
def test_every_json_value_can_be_typed(value: Any) -> None:
    assert read_value(json.dumps(value)) == value


@given(st.text())
def test_whatever_is_typed_can_be_sent_to_the_server(text: str) -> None:
    json.dumps(read_value(text), allow_nan=False)


def test_unknown_options_are_keyword_arguments_in_all_their_forms() -> None:
    found = sort_words(
        ["bob", "--simulate=false", "--band", "5a", "--dry-run", "--offset", "-3", "--last"], START
    )
    assert found.positionals == ["bob"]
    assert found.keywords == {
        "simulate": False,
        "band": "5a",
        "dry_run": True,
        "offset": -3,
        "last": True,
    }


def test_a_flag_before_a_known_option_stays_a_flag() -> None:
    found = sort_words(["--flag", "--pid=2", "bob"], START)
    assert (found.keywords, found.positionals) == ({"flag": True}, ["bob"])
    assert found.options == ["--pid=2"]


def test_a_negative_number_is_no_option() -> None:
    assert sort_words(["-5", "-.5", "-"], START).positionals == ["-5", "-.5", "-"]


def test_words_after_two_dashes_are_text() -> None:
    found = sort_words(["12", "--", "--pid=3", "12", "--help", "--"], START)
    assert found.positionals == ["12"]
    assert found.literal == ["--pid=3", "12", "--help", "--"]
    assert not found.options
    assert not found.help


@pytest.mark.parametrize("spelling", ["--server-url", "--server_url"])
@pytest.mark.parametrize("form", ["{}=http://x", "{} http://x"])
def test_dashes_and_underscores_are_the_same(spelling: str, form: str) -> None:
    assert sort_words(form.format(spelling).split(), START).options == ["--server-url=http://x"]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--listen"], "True"),
        (["--listen=False"], "False"),
        (["--listen=no"], "no"),
        (["--listen", "false"], "false"),
        (["--no-listen"], "False"),
        (["--no_listen"], "False"),
    ],
)
def test_booleans_have_many_spellings(words: list[str], value: str) -> None:
    found = sort_words([*words, "bob"], START)
    assert found.options == [f"--listen={value}"]
    assert found.positionals == ["bob"]


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("--git_brnch", "--git_branch"),
        ("--git-brnach=x", "--git_branch"),
        ("--pdi=2", "--pid"),
        ("--lsten", "--listen"),
        ("--no-lsten", "--no-listen"),
        ("--hlep", "--help"),
        ("--script_url", "--script_uri"),
        ("--serverurl", "--server-url"),
    ],
)
def test_a_slip_of_the_fingers_is_not_an_argument_of_the_script(slip: str, meant: str) -> None:
    with pytest.raises(click.UsageError, match=f"did you mean {meant}\\?"):
        sort_words([slip], START)


CREATE = Grammar(
    options={
        "git_repo": "--git_repo",
        "git_branch": "--git_branch",
        "git_commit": "--git_commit",
        "create_env": "--create_env",
        "subarray_id": "--subarray_id",
        "server_url": "--server-url",
    },
    flags=frozenset({"create_env"}),
    takes_script_arguments=True,
    for_init=True,
)


@pytest.mark.parametrize(
    ("other", "meant"),
    [
        ("--branch=x", "--git_branch"),
        ("--Branch=x", "--git_branch"),
        ("--brnch=x", "--git_branch"),
        ("--git-branch-name=x", "--git_branch"),
        ("--tag=v1", "--git_branch"),
        ("--git_ref=x", "--git_branch"),
        ("--commit=1", "--git_commit"),
        ("--sha", "--git_commit"),
        ("--git-rev=1", "--git_commit"),
        ("--repo=x", "--git_repo"),
        ("--repository=x", "--git_repo"),
        ("--repositry=x", "--git_repo"),
        ("--env", "--create_env"),
        ("--no-env", "--create_env"),
        ("--venv=True", "--create_env"),
        ("--create-environment", "--create_env"),
        ("--subarray=2", "--subarray_id"),
        ("--sub_array=2", "--subarray_id"),
        ("--sub=2", "--subarray_id"),
        ("--subarr=2", "--subarray_id"),
        ("--array=2", "--subarray_id"),
        ("--serv=x", "--server-url"),
        ("--host=x", "--server-url"),
        ("--environment", "--create_env"),
        ("--create", "--create_env"),
        ("--fresh", "--create_env"),
        ("--repo-url=x", "--git_repo"),
        ("--commit-id=1", "--git_commit"),
        ("--server=x", "--server-url"),
        ("--url=x", "--server-url"),
    ],
)
def test_git_and_environments_in_other_words_never_reach_the_script(other: str, meant: str) -> None:
    with pytest.raises(click.UsageError, match=f"did you mean {meant}\\? If it is for the script"):
        sort_words([other], CREATE)


@pytest.mark.parametrize(
    ("grammar", "other", "advice"),
    [
        (CREATE, "--pid=3", "started with oet procedure start --pid=ID"),
        (CREATE, "--id=3", "started with oet procedure start --pid=ID"),
        (CREATE, "--timeout=3", "oet procedure wait has --timeout"),
        (CREATE, "--time-limit=3", "oet procedure wait has --timeout"),
        (CREATE, "--timout=3", "oet procedure wait has --timeout"),
        (CREATE, "--git_depth=3", "of git options there are"),
        (CREATE, "--init_kwargs={}", "arguments of init"),
        (CREATE, "--script-args={}", "arguments of init"),
        (START, "--git_commit=1", "loaded: oet procedure create --git_commit"),
        (START, "--commit=1", "loaded: oet procedure create --git_commit"),
        (START, "--create_env", "loaded: oet procedure create --create_env"),
        (START, "--id=3", "did you mean --pid?"),
        (START, "--procedure=3", "did you mean --pid?"),
        (START, "--timeout=3", "oet procedure wait has --timeout"),
        (START, "--environment=x", "loaded: oet procedure create --create_env"),
        (START, "--commit_id=x", "loaded: oet procedure create --git_commit"),
        (START, "--run_abort", "stopped: oet procedure stop --run_abort"),
        (START, "--no-abort", "stopped: oet procedure stop --run_abort"),
        (CREATE, "--abort=False", "stopped: oet procedure stop --run_abort"),
        (CREATE, "--script=x.py", "loaded: oet procedure create SCRIPT_URI"),
        (CREATE, "--version", "oet --version"),
        (CREATE, "--token=x", "in OET_TOKEN"),
        (START, "--token=x", "in OET_TOKEN"),
        (START, "--login", "oet login"),
        (START, "--wait", "did you mean --listen?"),
        (START, "--watch", "did you mean --listen?"),
        (START, "--no-wait", "did you mean --no-listen?"),
        (START, "--nowait", "did you mean --no-listen?"),
        (START, "--no-follow", "did you mean --no-listen?"),
        (START, "--detach", "did you mean --no-listen?"),
        (START, "--tail=5", "oet procedure logs --tail"),
        (START, "--prepare-only", "oet procedure create loads"),
        (CREATE, "--restart", "oet abort --restart"),
    ],
)
def test_what_another_command_settles_never_reaches_the_script(
    grammar: Grammar, other: str, advice: str
) -> None:
    with pytest.raises(click.UsageError) as refusal:
        sort_words([other], grammar)
    assert advice in refusal.value.message
    assert "If it is for the script: --kwargs=" in refusal.value.message


def test_after_two_dashes_such_words_are_the_scripts() -> None:
    assert sort_words(["--", "--branch=x", "--timeout", "3"], CREATE).literal == [
        "--branch=x",
        "--timeout",
        "3",
    ]


@pytest.mark.parametrize(
    "name",
    ["scans", "comet", "end", "tags", "out", "data", "band", "id_list", "environs", "envelope", "sb_id"],
)
def test_names_that_only_look_a_little_alike_are_the_scripts(name: str) -> None:
    assert sort_words([f"--{name}=1"], CREATE).keywords == {name: 1}


@pytest.mark.parametrize("name", ["self", "name", "environs", "x", "simulate", "restart"])
def test_short_or_different_names_are_arguments_of_the_script(name: str) -> None:
    assert sort_words([f"--{name}=1"], START).keywords == {name: 1}


@pytest.mark.parametrize("option", sorted(START.options))
@settings(deadline=None)
@given(st.data())
def test_two_letters_changed_in_a_long_option_never_reach_the_script(
    option: str, data: st.DataObject
) -> None:
    if len(option) < 5:
        return
    letters = list(option)
    for _ in range(2):
        place = data.draw(st.integers(0, len(letters) - 1))
        letters[place] = data.draw(st.sampled_from("qxz"))
    with pytest.raises(click.UsageError, match="did you mean"):
        sort_words(["--" + "".join(letters)], START)


@pytest.mark.parametrize("words", [["--help"], ["bob", "--x", "--help"], ["--pid", "-h"]])
def test_help_anywhere_is_help(words: list[str]) -> None:
    assert sort_words(words, START).help


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pid"], "--pid needs a value"),
        (["--pid", "--listen"], "--pid needs a value"),
        (["--no-listen=true"], "--no-listen takes no value"),
        (["-x"], "No such option -x"),
        (["--=3"], "No such option --"),
        (["--a=1", "--a=2"], "--a is given twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(click.UsageError) as refusal:
        sort_words(words, START)
    assert refusal.value.message.startswith(message)


def test_a_command_without_script_arguments_has_only_its_own_options() -> None:
    with pytest.raises(click.UsageError, match="No such option --simulate"):
        sort_words(["--simulate=1"], LIST)


def test_an_argument_can_be_given_by_name() -> None:
    found = sort_words(["bob", "--script-uri=file://x.py"], START)
    assert found.named_arguments == {"script_uri": "file://x.py"}
    assert found.positionals == ["bob"]
