"""What is told of a script that is loaded and not run."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.engine.annotations import schema_of
from ska_oso_oet.engine.inspection import of_file

HEAD = "import collections.abc, dataclasses, enum, typing\nfrom typing import *\n"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is told of a script with this text."""

    def inspect(text: str, load: bool = True, first: str = "") -> dict[str, Any]:
        path = tmp_path / "inspected_script.py"
        path.write_text(first + HEAD + textwrap.dedent(text))
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.delitem(sys.modules, "inspected_script", raising=False)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        try:
            return of_file(str(path), load)
        finally:
            sys.modules.pop("inspected_script", None)

    return inspect


def types_of(found: dict[str, Any], function: str = "main") -> dict[str, Any]:
    return {one["name"]: one["type"] for one in found[function]["parameters"]}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("str", {"type": "string"}),
        ("bool", {"type": "boolean"}),
        ("None", {"type": "null"}),
        ("list", {"type": "array"}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            "tuple[int, str]",
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        ("dict", {"type": "object"}),
        ("dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        (
            "collections.abc.Mapping[str, int]",
            {"type": "object", "additionalProperties": {"type": "integer"}},
        ),
        ("Optional[int]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("int | str", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ("Union[int, object]", {}),
        ("Literal['a', 2, None]", {"enum": ["a", 2, None]}),
        ("Literal[b'a']", {}),
        ("enum.Enum('Band', {'B1': '1', 'B5A': '5a'})", {"enum": ["1", "5a"]}),
        ("enum.Enum('Band', {'B1': b'1'})", {"enum": ["B1"]}),
        ("Annotated[int, 'the number']", {"type": "integer", "description": "the number"}),
        ("NewType('Scans', int)", {"type": "integer"}),
        ("Any", {}),
        ("object", {}),
        ("Missing", {}),
        ("'also.Missing'", {}),
        ("list['Missing']", {"type": "array"}),
        ("1 / 0", {}),
        ("7", {}),
        ("Callable[[int], str]", {}),
        ("TypeVar('T')", {}),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_an_annotation_is_understood_or_anything(told: Any, annotation: str, schema: Any, late: bool) -> None:
    text = f"def main(x: {annotation}): pass\n"
    if not late and ("Missing" in annotation or "/" in annotation):  # it would be evaluated at once
        text = f"def main(x): pass\nmain.__annotations__['x'] = {annotation!r}\n"
    found = told(text, first="from __future__ import annotations\n" if late else "")
    assert types_of(found) == {"x": schema}
    assert found["problems"] == []


def test_types_that_contain_themselves_are_understood_as_far_as_need_be() -> None:
    nested: Any = int
    for _ in range(50):
        nested = list[nested]
    assert schema_of(nested)["type"] == "array"


def test_a_class_that_misbehaves_is_anything(told: Any) -> None:
    found = told("""
        class Meta(type):
            def __eq__(self, other): raise RuntimeError
            def __hash__(self): raise RuntimeError
            def __repr__(self): raise RuntimeError
            def __instancecheck__(self, other): raise RuntimeError
        class Odd(metaclass=Meta):
            def __repr__(self): raise RuntimeError
        def main(x: Odd = Odd(), y=Odd()): pass
    """)
    assert types_of(found) == {"x": {}, "y": {}}


def test_defaults_are_told_in_python_and_in_json_if_it_can_carry_them(told: Any) -> None:
    found = told("""
        def main(a=1, b='x', c=(1, 2), d=float('nan'), e=object, f: int = None, g='\\ud800'): pass
    """)
    types = types_of(found)
    assert [types[name].get("default", "none") for name in "abcdefg"] == [
        1,
        "x",
        (1, 2),
        "none",
        "none",
        None,
        "none",
    ]
    assert types["f"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
    assert [one["default"] for one in found["main"]["parameters"]][:4] == ["1", "'x'", "(1, 2)", "nan"]


def test_texts_of_parameters_are_those_of_the_docstring(told: Any) -> None:
    found = told('''
        def main(source, scans: Annotated[int, "how many"] = 1, *rest, **more):
            """Observe.

            :param source: name of the source,
                in the catalogue
            :param int rest: others
            :returns: nothing
            """
    ''')
    texts = {one["name"]: one["text"] for one in found["main"]["parameters"]}
    assert texts == {
        "source": "name of the source, in the catalogue",
        "scans": "how many",
        "rest": "others",
        "more": None,
    }
    kinds = [one["kind"] for one in found["main"]["parameters"]]
    assert kinds == ["any", "any", "args", "kwargs"]


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("def main(a): pass", True),
        ("async def main(a): pass", True),
        ("import functools\ndef _m(a, b): pass\nmain = functools.partial(_m, 1)", False),
        ("import functools\n@functools.cache\ndef main(a): pass", False),
        ("import functools\ndef _m(a): pass\n@functools.wraps(_m)\ndef main(*args): pass", False),
        ("class Main:\n    def __call__(self, a): pass\nmain = Main()", False),
        ("main = print", False),
        ("def main(a): pass\ndef init():\n    global main\n    main = print", False),
    ],
)
def test_of_what_is_decorated_or_made_elsewhere_the_call_decides(told: Any, text: str, exact: bool) -> None:
    found = told(text)
    assert found["main"]["exact"] is exact
    assert found["problems"] == []


def test_a_partial_function_shows_what_is_left(told: Any) -> None:
    text = """
        import functools
        def _m(a, b: int = 2):
            "Observe."
        main = functools.partial(_m, 1)
    """
    found = told(text, first="from __future__ import annotations\n")
    assert types_of(found) == {"b": {"type": "integer", "default": 2}}
    assert found["main"]["docstring"] == "Observe."


def test_a_decorated_function_shows_the_parameters_of_the_one_it_wraps(told: Any) -> None:
    found = told("""
        import functools
        def _m(a: int): pass
        @functools.wraps(_m)
        def main(*args, **kwargs): pass
    """)
    assert types_of(found) == {"a": {"type": "integer"}}


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("", "script", "it has no function main(); it needs one to be started"),
        ("def init(): pass", "script", "it has no function main()"),
        ("def main():\n    yield", "main", "main() is a generator"),
        ("def init():\n    yield\ndef main(): pass", "init", "init() is a generator"),
        (
            "raise ValueError('no such antenna')",
            "script",
            "ValueError: no such antenna (inspected_script.py line 3)",
        ),
        ("def main(:", "script", "(inspected_script.py line 3)"),
        ("import sys\nsys.exit('enough')", "script", "it exits when it is loaded, with status enough"),
        ("raise SystemExit", "script", "it exits when it is loaded, with status 0"),
        ("raise KeyboardInterrupt", "script", "KeyboardInterrupt"),
    ],
)
def test_what_is_wrong_with_a_script_is_told(told: Any, text: str, where: str, words: str) -> None:
    (problem,) = told(text)["problems"]
    assert problem["where"] == where
    assert words in problem["what"]


@pytest.mark.parametrize(
    "text", ["def init():\n    global main\n    main = print", "def init():\n    globals()['main'] = print"]
)
def test_a_main_that_init_makes_is_not_missed(told: Any, text: str) -> None:
    found = told(text)
    assert found["main"] is None
    assert found["problems"] == []


@pytest.mark.parametrize(
    "value", ["0", "-1", "float('nan')", "float('inf')", "True", "'12'", "10**400", "[1]"]
)
def test_an_estimate_that_is_no_time_is_a_problem(told: Any, value: str) -> None:
    found = told(f"ESTIMATE = {value}\ndef main(): pass")
    assert found["estimate"] is None
    (problem,) = found["problems"]
    assert problem["what"].startswith("ESTIMATE must be a number of seconds above 0, not ")


def test_an_estimate_is_told(told: Any) -> None:
    assert told("ESTIMATE = 90\ndef main(): pass")["estimate"] == 90.0
    assert told("def main(): pass")["estimate"] is None


def test_a_script_that_is_only_read_is_described_by_its_text(told: Any) -> None:
    found = told(
        """
        import a_package_of_its_environment
        @decorated
        def init(x): pass
        def main(a: int, b: 'float' = 1.0, c: str = None, *d):
            ":param a: one"
        """,
        load=False,
    )
    assert found["problems"] == []
    assert found["loaded"] is False
    assert found["init"]["exact"] is False
    assert types_of(found) == {"a": {"type": "integer"}, "b": {}, "c": {}, "d": {}}
    assert [one["required"] for one in found["main"]["parameters"]] == [True, False, False, False]
    assert found["main"]["parameters"][0]["text"] == "one"


def test_of_a_script_that_cannot_be_read_the_reason_is_told(told: Any) -> None:
    (problem,) = told("def main(:", load=False)["problems"]
    assert problem["what"].startswith("it cannot be read: ")


def test_the_description_is_made_with_the_standard_library_alone(tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    script.write_text("def main(a: int): pass\n")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); "
        "from ska_oso_oet.engine.inspection import of_file; "
        "print(of_file(sys.argv[2], True)['main']['exact'])"
    )
    home = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, home, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert done.stdout == "True\n", done.stderr
