"""Groups of routes. They describe themselves only when the OpenAPI document is being made.

Describing them takes a fifth of the time in which FlaskWorker starts, and says the same every time, so the
document of a release is made with it (``make docs``) and shipped as ``openapi.json``.
"""

from __future__ import annotations

from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

#: Whether routes describe themselves; set before the views are imported, by who makes the document.
describing = False


def blueprint(name: str, module: str, *, tag: str) -> APIBlueprint:
    """A group of routes.

    :param tag: under which the document lists them
    """
    return APIBlueprint(name, module, abp_tags=[Tag(name=tag)], doc_ui=describing)
