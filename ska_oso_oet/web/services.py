"""What the views work with."""

from __future__ import annotations

import dataclasses
from typing import cast

from flask import current_app

from ..settings import Settings
from .bridge import Bridge
from .stream import Hub

_KEY = "oet"


@dataclasses.dataclass(frozen=True)
class Services:
    """The way to the bus, the listeners of the event stream, and the settings."""

    bridge: Bridge
    hub: Hub
    settings: Settings


def services() -> Services:
    """Those of the application that serves this request."""
    return cast(Services, current_app.extensions[_KEY])
