"""Scheduling blocks that take little time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[2] / "demo" / "oda" / "sbd"


def sample(telescope: str = "mid", *, scan_duration: int = 50, scans: int = 2) -> dict[str, Any]:
    """A sample block.

    :param scan_duration: milliseconds
    """
    document: dict[str, Any] = json.loads((SAMPLES / f"sbd-{telescope}-demo" / "1.json").read_text())
    for definition in document["scan_definitions"]:
        definition["scan_duration"] = scan_duration
    document["scan_sequence"] = (document["scan_sequence"] * scans)[:scans]
    return document
