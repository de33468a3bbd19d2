"""Render the diagrams whose source has changed; `make diagrams` runs it.

Each SVG ends with a comment that holds the hash of the source it belongs to, so that a stale one is found
without Java.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

DIAGRAMS = Path(__file__).parent / "diagrams"
_STYLE = DIAGRAMS / "style.cfg"


def sources() -> list[Path]:
    """All diagrams."""
    return sorted(DIAGRAMS.glob("*.puml"))


def mark(source: Path) -> str:
    """What the SVG of this source ends with."""
    digest = hashlib.sha256(_STYLE.read_bytes() + source.read_bytes()).hexdigest()
    return f"<!-- source: {digest} -->"


def is_current(source: Path) -> bool:
    """Whether the SVG beside a source was made from it."""
    svg = source.with_suffix(".svg")
    return svg.exists() and svg.read_text().endswith(f"{mark(source)}\n")


def main(jar: str) -> int:
    """Render what is not current with this PlantUML; return its exit status."""
    stale = [source for source in sources() if not is_current(source)]
    if not stale:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "java",
            "-Djava.awt.headless=true",
            "-jar",
            jar,
            "-config",
            str(_STYLE),
            "-tsvg",
            "-nometadata",
        ]
        done = subprocess.run([*command, "-o", folder, *map(str, stale)])
        if done.returncode:  # PlantUML draws its errors; such a picture is not kept
            return done.returncode
        for source in stale:
            drawn = (Path(folder) / f"{source.stem}.svg").read_text().rstrip()
            source.with_suffix(".svg").write_text(f"{drawn}\n{mark(source)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
