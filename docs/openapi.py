"""The OpenAPI document that a release is shipped with; `make docs` writes it.

In an interpreter of its own: routes describe themselves only if that is asked for before they are imported.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ska_oso_oet.settings import read_settings
from ska_oso_oet.web.bridge import Bridge
from ska_oso_oet.web.openapi import blueprint, document
from ska_oso_oet.web.streams.hub import Hub


def application() -> Any:
    """The application without a server: its routes, and what they say of themselves."""
    from ska_oso_oet.web.app import create_app

    bridge = Bridge("nowhere")
    try:
        return create_app(read_settings({}), bridge, Hub())._app._app  # noqa: SLF001  it has no other door
    finally:
        bridge.loop.close()


def main() -> None:
    """Write it to standard output."""
    blueprint.describing = True
    json.dump(document.make(application()), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
