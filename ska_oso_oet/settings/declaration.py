"""Declares a setting: a dataclass field with its environment variable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Variable:
    """The environment variable of a setting.

    :param default: the text read if the variable is not set
    :param read: converts the text to the value, or raises ValueError
    :param secret: whether its value must not be shown
    """

    name: str
    default: str
    meaning: str
    read: Callable[[str], Any] = str
    secret: bool = False


def setting(
    name: str, default: str, meaning: str, read: Callable[[str], Any] = str, *, secret: bool = False
) -> Any:
    """Declare a setting; see :class:`Variable`."""
    return dataclasses.field(metadata={"variable": Variable(name, default, meaning, read, secret)})
