"""What may name a repository, a branch and a commit."""

from __future__ import annotations

import pytest

from ska_oso_oet.domain.errors import Invalid
from ska_oso_oet.domain.repositories import (
    checked_branch,
    checked_commit,
    checked_repository,
    without_secrets,
)
from ska_oso_oet.domain.scripts import GitScript, checked_uri, script_from_dict


def test_what_is_left_out_means_the_default_repository_and_branch() -> None:
    script = script_from_dict({"script_type": "git", "script_uri": "git://a.py"})
    assert script == GitScript(script_uri="git://a.py")
    assert script.git_repo is None
    assert script.git_branch is None
    assert script.path == "a.py"


@pytest.mark.parametrize(
    "url",
    [
        "https://gitlab.com/ska-telescope/oso/ska-oso-scripting.git",
        "http://127.0.0.1:8080/a.git",
        "ssh://git@host:2222/a/b.git",
        "git://host/a",
        "file:///srv/a b".replace(" ", "_"),
        "git@gitlab.com:group/project.git",
    ],
)
def test_urls_of_repositories_are_taken(url: str) -> None:
    assert checked_repository(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "-x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "git@host::x",
        "/local/path",
        "relative",
        "https://",
        "https://host",
        "https://user@host/x",
        "https://user:secret@host/x",
        "ssh://user:secret@host/x",
        "ssh://-oProxyCommand=x/y",
        "-oProxyCommand=x@host:y",
        "file://relative",
        "file:///a/../../etc",
        "https://host/a/%2e%2e/b",
        "https://host/a b",
        "https://host/a.git?access_token=secret",
        "https://host/a.git#x",
        "https://host/a\nb",
        "https://host/\ud800",
        7,
    ],
)
def test_other_texts_are_not_taken_for_a_repository(url: object) -> None:
    with pytest.raises(Invalid, match="git_repo"):
        checked_repository(url)


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(Invalid) as refused:
        checked_repository("https://user:sesame@host/x")
    assert "sesame" not in refused.value.detail
    assert without_secrets("fatal: https://u:sesame@h/x: no") == "fatal: https://***@h/x: no"


@pytest.mark.parametrize("name", ["main", "feature/x-1", "v1.0", "münchen", "a@b"])
def test_names_of_branches_are_taken(name: str) -> None:
    assert checked_branch(name) == name


@pytest.mark.parametrize(
    "name",
    ["-x", "--upload-pack=x", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "[a", "a\\b", "@", "@{1}", "/a"]
    + ["a/", "a//b", "a.", "a.lock", "a/.b", ".a", "a\x7f", "a\n", "x" * 300, 7, ["a"]],
)
def test_other_texts_are_not_taken_for_a_branch(name: object) -> None:
    with pytest.raises(Invalid, match="git_branch"):
        checked_branch(name)


def test_a_commit_is_hexadecimal_digits_only() -> None:
    assert checked_commit("ABCD") == "abcd"
    for digits in ("abc", "/some/dir", "HEAD", "g" * 40, "a" * 65, "-abcd", 7):
        with pytest.raises(Invalid, match="git_commit"):
            checked_commit(digits)


@pytest.mark.parametrize(
    "path",
    ["../a.py", "/../a.py", "//../a.py", "a/../b.py", "a//../b.py", "a/./../b.py"]
    + [".git/hooks/a.py", "/.git/hooks/a.py", "./.git/a.py", "a\n.py", "/a\n.py"],
)
def test_a_path_stays_in_the_repository(path: str) -> None:
    with pytest.raises(Invalid, match="from the root of the repository"):
        checked_uri(f"git://{path}", "git")


@pytest.mark.parametrize("path", ["scripts/a.py", "/scripts/a.py", "//scripts//a.py", "./scripts/./a.py"])
def test_slashes_too_many_are_taken_and_mean_nothing(path: str) -> None:
    script = script_from_dict({"script_type": "git", "script_uri": f"git://{path}"})
    assert script.script_uri == f"git://{path}"
    assert script.path == "scripts/a.py"


@pytest.mark.parametrize(
    ("given", "means"), [(None, False), (False, False), (True, True), ("fresh", "fresh")]
)
def test_an_environment_is_none_any_or_a_fresh_one(given: object, means: object) -> None:
    assert script_from_dict(
        {"script_type": "git", "script_uri": "git://a.py", "create_env": given}
    ) == GitScript(script_uri="git://a.py", create_env=means)
    with pytest.raises(Invalid, match='create_env must be true, false or "fresh"'):
        script_from_dict({"script_type": "git", "script_uri": "git://a.py", "create_env": "stale"})
