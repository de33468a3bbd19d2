"""Have the packages of the image vulnerabilities that are known? Says so where that cannot be found out.

Further words go to pip-audit: `--vulnerability-service=osv` asks another database.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements" / "server.txt"
#: Vulnerabilities that do not concern us, by id, with the reason.
IGNORED: dict[str, str] = {}
LONGEST = 20.0  #: seconds


def main(words: list[str]) -> int:
    """Ask; returns the exit status: 1 where there is one that concerns us."""
    packages, why = audited(words)
    checked = [package for package in packages if "skip_reason" not in package]
    found = [(package, one) for package in checked for one in package["vulns"]]
    for package, one in found:
        fixed = ", ".join(one["fix_versions"]) or "no version yet"
        sys.stdout.write(f"{package['name']} {package['version']}: {one['id']}, mended in {fixed}\n")
    if found:
        sys.stdout.write("Known vulnerabilities: run `make lock`, or see IGNORED in .ci/vulnerabilities.py\n")
        return 1
    told = f"none known in {len(checked)} of {len(packages)} packages" if checked else f"not checked: {why}"
    sys.stdout.write(f"Vulnerabilities: {told}\n")
    return 0


def audited(words: list[str]) -> tuple[list[dict[str, Any]], str]:
    """What pip-audit tells of each package, and why it may tell nothing."""
    ignored = [f"--ignore-vuln={name}" for name in IGNORED]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [Path(sys.executable).with_name("pip-audit"), f"--requirement={LOCK}", "--require-hashes"]
        command += ["--disable-pip", "--progress-spinner=off", "--timeout=5", "--format=json"]
        command += [f"--output={report}", *ignored, *words]
        try:
            subprocess.run(command, capture_output=True, timeout=LONGEST, check=False)
        except subprocess.TimeoutExpired:
            return [], f"the database did not answer within {LONGEST:g} s"
        if not report.exists():
            return [], "the database cannot be reached"
        packages: list[dict[str, Any]] = json.loads(report.read_text())["dependencies"]
        return packages, "the database cannot be had from this package index"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
