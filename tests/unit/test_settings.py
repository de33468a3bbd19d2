"""Every setting is an environment variable that parses, or names itself."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.settings import PACKAGED_SCRIPTS, BadSetting, Settings, read_settings
from ska_oso_oet.settings.urls import folder_of, shown
from ska_oso_oet.settings.variables import VARIABLES


def test_every_setting_has_a_variable_of_its_own_with_a_meaning() -> None:
    assert [field.name for field in dataclasses.fields(Settings)] == list(VARIABLES)
    names = [variable.name for variable in VARIABLES.values()]
    assert len(set(names)) == len(names)
    assert all(variable.meaning for variable in VARIABLES.values())


@pytest.mark.parametrize("field", VARIABLES)
def test_the_text_of_each_default_means_the_same_when_it_is_given(field: str) -> None:
    variable = VARIABLES[field]
    defaults = read_settings({})
    assert read_settings({variable.name: variable.default}) == defaults


def test_the_defaults_are_those_of_the_table() -> None:
    settings = read_settings({"XDG_STATE_HOME": "/states"})
    expected = dict(
        host="127.0.0.1",
        port=5000,
        trusted_proxies=(),
        namespace="ska-oso-oet",
        subarray_id=1,
        state_dir="/states/oet/subarray-1",
        database_url="sqlite:////states/oet/subarray-1/journal.db",
        scripts_location=PACKAGED_SCRIPTS,
        script_paths=("/",),
        abort_script="abort.py",
        abort_timeout=60.0,
        abort_on=("stop",),
        stop_grace=5.0,
        load_timeout=60.0,
        init_timeout=600.0,
        main_timeout=None,
        memory_limit=None,
        output_limit=64 * 2**20,
        message_rate=200.0,
        history=10,
        retention_days=365,
        warm_interpreters=1,
        preload=("tango",),
        oda_url="file:///states/oet/subarray-1/oda",
        oda_timeout=10.0,
        web_workers=1,
        web_threads=16,
        log_level="INFO",
        log_format="ska",
    )
    assert {name: getattr(settings, name) for name in expected} == expected


def test_without_a_state_home_the_state_lies_below_the_users_home() -> None:
    settings = read_settings({"OET_SUBARRAY_ID": "3"})
    assert settings.state_dir == str(Path.home() / ".local/state/oet/subarray-3")
    assert settings.bus_socket == f"{settings.state_dir}/bus.sock"
    assert settings.runs == f"{settings.state_dir}/runs"


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("OET_PORT", "0", "port", 0),
        ("OET_SUBARRAY_ID", "16", "subarray_id", 16),
        (
            "OET_TRUSTED_PROXIES",
            "10.1.0.0/16, ::1",
            "trusted_proxies",
            (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("::1")),
        ),
        ("OET_STATE_DIR", "/a/../b", "state_dir", "/b"),
        ("OET_STOP_GRACE", "2", "stop_grace", 2.0),
        ("OET_STOP_GRACE", "2.5 s", "stop_grace", 2.5),
        ("OET_STOP_GRACE", "2S", "stop_grace", 2.0),
        ("OET_ABORT_TIMEOUT", "2 min", "abort_timeout", 120.0),
        ("OET_INIT_TIMEOUT", "10h", "init_timeout", 36000.0),
        ("OET_LOAD_TIMEOUT", "None", "load_timeout", None),
        ("OET_CHECK_TIMEOUT", "1 min", "check_timeout", 60.0),
        ("OET_WATCHDOG", "none", "watchdog", None),
        ("OET_WATCHDOG", "1 min", "watchdog", 60.0),
        ("OET_MAIN_TIMEOUT", "", "main_timeout", None),
        ("OET_MAIN_TIMEOUT", "1 h", "main_timeout", 3600.0),
        ("OET_OUTPUT_LIMIT", "1000", "output_limit", 1000),
        ("OET_OUTPUT_LIMIT", "12 B", "output_limit", 12),
        ("OET_OUTPUT_LIMIT", "3KiB", "output_limit", 3 * 2**10),
        ("OET_OUTPUT_LIMIT", "0.5 MiB", "output_limit", 2**19),
        ("OET_MEMORY_LIMIT", "2 GiB", "memory_limit", 2**31),
        ("OET_MEMORY_LIMIT", "none", "memory_limit", None),
        ("OET_ABORT_ON", "stop, failure,lost,timeout", "abort_on", ("stop", "failure", "lost", "timeout")),
        ("OET_ABORT_ON", "", "abort_on", ()),
        ("OET_PRELOAD", "", "preload", ()),
        ("OET_PRELOAD", "tango, numpy", "preload", ("tango", "numpy")),
        ("OET_SCRIPT_PATHS", "/usr:/etc", "script_paths", ("/usr", "/etc")),
        ("OET_ODA_URL", "file:///archive/", "oda_url", "file:///archive"),
        ("OET_ODA_URL", "https://host/ns/oda/api/v1/", "oda_url", "https://host/ns/oda/api/v1"),
        ("OET_ODA_URL", "https://host/ns/oso/api/v16/", "oda_url", "https://host/ns/oso/api/v16"),
        ("OET_ODA_URL", "postgresql://host:5433/oda", "oda_url", "postgresql://host:5433/oda"),
        (
            "OET_ODA_URL",
            "postgresql+psycopg://me:p%40w@host/oda",
            "oda_url",
            "postgresql://me:p%40w@host/oda",
        ),
        ("OET_ODA_URL", "postgresql://", "oda_url", "postgresql://"),
        ("OET_ODA_TIMEOUT", "1 min", "oda_timeout", 60.0),
        ("OET_ODA_STATUSES", "Ready, In Progress", "oda_statuses", ("Ready", "In Progress")),
        ("OET_ODA_TOKEN_URL", "", "oda_token_url", ""),
        ("OET_PIP_INDEX_URL", "https://host/simple", "pip_index_url", "https://host/simple"),
        ("OET_PIP_EXTRA_INDEX_URL", "", "pip_extra_index_urls", ()),
        (
            "OET_PIP_EXTRA_INDEX_URL",
            "https://a/simple http://b:1/simple, file:///c",
            "pip_extra_index_urls",
            ("https://a/simple", "http://b:1/simple", "file:///c"),
        ),
        ("OET_MESSAGE_RATE", "0.5", "message_rate", 0.5),
        ("OET_MESSAGE_RATE", "None", "message_rate", None),
        ("OET_AUDIT_SYSLOG", "", "audit_syslog", ""),
        ("OET_AUDIT_SYSLOG", "tls://logs.example.org", "audit_syslog", "tls://logs.example.org"),
        ("OET_AUDIT_SYSLOG", "udp://[::1]:514", "audit_syslog", "udp://[::1]:514"),
        ("OET_AUDIT_SYSLOG", "unix:///dev/log", "audit_syslog", "unix:///dev/log"),
        ("OET_AUDIT_OTLP", "https://host/otlp", "audit_otlp", "https://host/otlp"),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("OET_SCRIPT_LOG_LEVEL", "Warning", "script_log_level", "WARNING"),
        ("OET_LOG_FORMAT", "text", "log_format", "text"),
    ],
)
def test_a_value_is_read_with_its_unit(name: str, text: str, field: str, value: Any) -> None:
    assert getattr(read_settings({name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OET_PORT", "http"),
        ("OET_PORT", "65536"),
        ("OET_PORT", "-1"),
        ("KUBE_NAMESPACE", ""),
        ("KUBE_NAMESPACE", "a/b"),
        ("OET_SUBARRAY_ID", "0"),
        ("OET_SUBARRAY_ID", "17"),
        ("OET_ABORT_TIMEOUT", "soon"),
        ("OET_ABORT_ON", "stop,rain"),
        ("OET_STOP_GRACE", "-1"),
        ("OET_STOP_GRACE", "nan"),
        ("OET_STOP_GRACE", "inf"),
        ("OET_LOAD_TIMEOUT", "5 parsecs"),
        ("OET_CHECK_TIMEOUT", "none"),
        ("OET_INIT_TIMEOUT", "5 MiB"),
        ("OET_WATCHDOG", "0"),
        ("OET_WATCHDOG", "2 s"),
        ("OET_MAIN_TIMEOUT", "s"),
        ("OET_MEMORY_LIMIT", "5 s"),
        ("OET_OUTPUT_LIMIT", "none"),
        ("OET_OUTPUT_LIMIT", "1e99"),
        ("OET_MESSAGE_RATE", "0"),
        ("OET_MESSAGE_RATE", "nan"),
        ("OET_MESSAGE_RATE", "many"),
        ("OET_AUDIT_SYSLOG", "logs.example.org:514"),
        ("OET_AUDIT_SYSLOG", "http://logs.example.org"),
        ("OET_AUDIT_SYSLOG", "tcp://:514"),
        ("OET_AUDIT_SYSLOG", "tcp://host:99999"),
        ("OET_AUDIT_SYSLOG", "tcp://host/path"),
        ("OET_AUDIT_SYSLOG", "unix://dev/log"),
        ("OET_AUDIT_OTLP", "host:4318"),
        ("OET_AUDIT_OTLP", "http://host?token=x"),
        ("OET_HISTORY", "0"),
        ("OET_RETENTION_DAYS", "0"),
        ("OET_WARM_INTERPRETERS", "-1"),
        ("OET_ODA_URL", "ftp://host/oda"),
        ("OET_ODA_URL", "oda"),
        ("OET_ODA_TIMEOUT", "none"),
        ("OET_ODA_TOKEN_URL", "http://issuer.example.org/token"),
        ("OET_WEB_WORKERS", "0"),
        ("OET_WEB_THREADS", "many"),
        ("OET_PIP_INDEX_URL", "host/simple"),
        ("OET_PIP_INDEX_URL", "https://a/simple https://b/simple"),
        ("OET_PIP_EXTRA_INDEX_URL", "https://a/simple b"),
        ("LOG_LEVEL", "LOUD"),
        ("OET_SCRIPT_LOG_LEVEL", "20"),
        ("OET_LOG_FORMAT", "xml"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line_that_names_the_variable(name: str, text: str) -> None:
    with pytest.raises(BadSetting) as refused:
        read_settings({name: text})
    assert str(refused.value).startswith(f"{name}={text!r} cannot be used: ")
    assert "\n" not in str(refused.value)


def test_a_url_that_cannot_be_used_is_shown_without_its_password() -> None:
    with pytest.raises(BadSetting) as refused:
        read_settings({"OET_ODA_URL": "ftp://me:secret/@word@host/oda"})
    assert str(refused.value).startswith("OET_ODA_URL='ftp://***@host/oda' cannot be used: ")


def test_a_package_index_with_a_password_is_refused_and_the_password_not_shown() -> None:
    for name in ("OET_PIP_INDEX_URL", "OET_PIP_EXTRA_INDEX_URL"):
        with pytest.raises(BadSetting, match="OET_PIP_CREDENTIALS names a file for them") as refused:
            read_settings({name: "https://me:SECRET@host/simple"})
        assert "SECRET" not in str(refused.value)


def test_who_receives_the_audit_is_named_without_a_password() -> None:
    for name, scheme in (("OET_AUDIT_SYSLOG", "tcp"), ("OET_AUDIT_OTLP", "http")):
        with pytest.raises(BadSetting, match="must not hold a user or password") as refused:
            read_settings({name: f"{scheme}://me:SECRET@host"})
        assert "SECRET" not in str(refused.value)


def test_a_password_that_would_be_taken_for_a_host_is_refused_and_not_shown() -> None:
    with pytest.raises(BadSetting, match="OET_DATABASE_URL cannot be used: .* %40 for @") as refused:
        read_settings({"OET_DATABASE_URL": "postgresql+psycopg://oet:p@SECRET@host/oet"})
    assert "SECRET" not in str(refused.value)


CLIENT = {
    "OET_ODA_CLIENT_ID": "oet",
    "OET_ODA_CLIENT_SECRET_FILE": "/secret",
    "OET_ODA_TOKEN_URL": "https://issuer/token",
}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"OET_ODA_TOKEN_FILE": "/token"}, "a token is for an archive behind https"),
        ({**CLIENT, "OET_ODA_URL": "postgresql://host/oda"}, "a token is for an archive behind https"),
        (
            {"OET_ODA_TOKEN_FILE": "/token", "OET_ODA_URL": "http://host/oso/api/v16"},
            "a token would be sent unencrypted to OET_ODA_URL",
        ),
        (
            {"OET_ODA_TOKEN_FILE": "/token", "OET_ODA_URL": "https://me:hunter2@host/oso/api/v16"},
            "OET_ODA_URL holds a password, and a token is set as well",
        ),
        ({**CLIENT, "OET_ODA_TOKEN_FILE": "/token"}, "are two ways to a token; set only one"),
        ({**CLIENT, "OET_ODA_TOKEN_URL": ""}, "^OET_ODA_TOKEN_URL must be set, too"),
        (
            {"OET_ODA_CLIENT_ID": "oet"},
            "^OET_ODA_CLIENT_SECRET_FILE and OET_ODA_TOKEN_URL must be set, too",
        ),
    ],
)
def test_settings_of_an_archive_that_contradict_each_other_are_refused(
    given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadSetting, match=sentence) as refused:
        read_settings(given)
    assert "hunter2" not in str(refused.value)


def test_a_worker_that_is_not_told_the_archive_s_url_starts_all_the_same() -> None:
    assert read_settings({"OET_ODA_TOKEN_FILE": "/token", "OET_ARBITER": "1"}).oda_token_file == "/token"


@pytest.mark.parametrize("url", ["https://host/oso/api/v16", "http://127.0.0.1:8000/oda/api/v8"])
def test_a_token_is_for_https_or_this_machine(url: str) -> None:
    for way in (CLIENT, {"OET_ODA_TOKEN_FILE": "/token"}):
        assert read_settings({**way, "OET_ODA_URL": url}).oda_url == url


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:p@SECRET@host/oda",
        "postgresql://host/oda?password=SECRET",
        "postgresql://me:SECRET?SECRET@host/oda",
        "postgresql://me:SECRET/SECRET@host/oda",
    ],
)
def test_the_password_of_an_archives_database_is_refused_in_the_wrong_place_and_not_shown(text: str) -> None:
    with pytest.raises(BadSetting, match="OET_ODA_URL") as refused:
        read_settings({"OET_ODA_URL": text})
    assert "SECRET" not in str(refused.value)


def test_a_password_with_a_question_mark_is_not_shown() -> None:
    assert shown("postgresql://me:se?cret@host/oda?sslkey=/key") == "postgresql://host/oda"


@pytest.mark.parametrize("password", ["se?cret", "se/cret"])
def test_a_password_that_must_be_written_otherwise_says_how(password: str) -> None:
    with pytest.raises(BadSetting, match="%3F, and / %2F"):
        read_settings({"OET_ODA_URL": f"postgresql://me:{password}@host/oda"})


def test_an_archive_in_a_folder_of_any_name_is_found() -> None:
    settings = read_settings({"OET_STATE_DIR": "/a b/50%/#1"})
    assert folder_of(settings.oda_url) == "/a b/50%/#1/oda"


def test_an_option_of_the_command_line_overrides_the_environment() -> None:
    settings = read_settings({"OET_PORT": "6000", "OET_HOST": "::1"}, {"port": 7000, "host": None})
    assert (settings.port, settings.host) == (7000, "::1")


def test_an_option_that_cannot_be_used_names_the_variable_too() -> None:
    with pytest.raises(BadSetting, match="^OET_SUBARRAY_ID='99' cannot be used"):
        read_settings({}, {"subarray_id": "99"})


def test_a_password_with_a_slash_in_the_address_of_an_archive_is_refused_and_not_shown() -> None:
    with pytest.raises(BadSetting, match="OET_ODA_URL=") as refused:
        read_settings({"OET_ODA_URL": "http://u:12/cret@host/oda/api/v1"})
    assert "cret" not in str(refused.value)
