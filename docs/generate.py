"""Write the pages of the documentation that are made from the code; `make docs` runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from ska_oso_oet.bus.topic_names import RESERVED
from ska_oso_oet.bus.topics import TOPICS
from ska_oso_oet.settings.flags import FILE, FLAGS, PREFIX, SECTION
from ska_oso_oet.settings.variables import VARIABLES
from ska_oso_oet.telemetry.metrics.catalogue import CATALOGUE
from ska_oso_oet.telemetry.metrics.instruments import Counter, Gauge, Histogram

from . import drawings, manuals, rest

_HERE = Path(__file__).parent
OPENAPI = _HERE.parent / "ska_oso_oet" / "web" / "openapi" / "openapi.json"
_NOTE = "<!-- Made from the code by `make docs`; a test compares the two. -->\n\n"


def settings() -> str:
    """The table of settings."""
    lines = [
        "# Settings\n",
        _NOTE
        + "Every setting is an environment variable. `--host`, `--port`, `--state-dir` and `--subarray`",
        "of `oet-server` override theirs. A value that cannot be used stops the start with one line that",
        "names the variable. Times take `s`, `min`, `h` (seconds without a unit); sizes `KiB`, `MiB`, `GiB`",
        "(bytes without).",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for variable in VARIABLES.values():
        default = f"`{variable.default}`" if variable.default else "–"
        lines.append(f"| `{variable.name}` | {default} | {variable.meaning} |")
    return "\n".join([*lines, "", *_flags()]) + "\n"


def _flags() -> list[str]:
    lines = [
        "## Feature flags",
        "",
        "A flag is read from the first of these that names it: the environment variable",
        f"`{PREFIX}<NAME>`; `{FILE}` in the user's home; `{FILE}` in the folder that the package",
        "`ska_oso_oet` is installed in; the default in the code. In the files flags are set in the section",
        f"`[{SECTION}]`, as `<name> = true` or `false`. `oet-server flags` shows each flag, its value and",
        "where that comes from. What cannot be read, or names no flag, stops the start.",
        "",
    ]
    if not FLAGS:
        return [*lines, "This release has no feature flags."]
    rows = [f"| `{flag.name}` | {str(flag.default).lower()} | {flag.meaning} |" for flag in FLAGS]
    return [*lines, "| flag | default | meaning |", "|---|---|---|", *rows]


def topics() -> str:
    """The table of topics."""
    lines = [
        "# Topics on the event bus\n",
        _NOTE
        + "Every message also carries `msg_src`, `time` and, where there is one, `request_id`. T: transient,",
        "told live and not kept in the journal. P: private, not in the event stream.",
        "A script may publish under any name whose first word is",
        f"none of {', '.join(f'`{word}`' for word in sorted(RESERVED))}.",
        "",
        "| topic | | fields | replies |",
        "|---|---|---|---|",
    ]
    for topic in TOPICS.values():
        fields = ", ".join([*topic.fields, *(f"[{name}]" for name in topic.optional)])
        replies = ", ".join(f"`{name}`" for name in topic.replies)
        marks = "T" * topic.transient + "P" * topic.private
        lines.append(f"| `{topic.name}` | {marks} | {fields} | {replies} |")
    return "\n".join(lines) + "\n"


_KINDS = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}


def metrics() -> str:
    """The table of metrics."""
    lines = [
        "# Metrics\n",
        _NOTE
        + "`GET /metrics`, at the root and without a token, in the text format of Prometheus, or OpenMetrics",
        "where `Accept` asks for it. Everything also has the label `subarray`. Counts go on over restarts of",
        "workers and begin at zero with `oet-server`. [What to watch](../how-to/monitoring.md), and",
        "[how it is kept](../explanation/decisions/0012-metrics.md).",
        "",
        "| metric | | labels | meaning |",
        "|---|---|---|---|",
        "| `oet_build_info` | gauge | version | The release that runs; always 1 |",
    ]
    for metric in CATALOGUE.values():
        labels = ", ".join(metric.labels)
        lines.append(f"| `{metric.name}` | {_KINDS[type(metric)]} | {labels} | {metric.meaning} |")
    lines += ["", "## Bounds of the histograms, in seconds", "", "| metric | bounds |", "|---|---|"]
    for metric in CATALOGUE.values():
        if isinstance(metric, Histogram):
            lines.append(f"| `{metric.name}` | {', '.join(f'{bound:g}' for bound in metric.buckets)} |")
    return "\n".join(lines) + "\n"


def rest_reference() -> str:
    """Every route, with what it takes and answers."""
    return rest.page(_NOTE)


PAGES = {
    "diagrams/activity-states.puml": drawings.activity_states,
    "diagrams/packages.puml": drawings.packages,
    "diagrams/states.puml": drawings.procedure_states,
    "reference/metrics.md": metrics,
    "reference/rest.md": rest_reference,
    "reference/settings.md": settings,
    "reference/topics.md": topics,
}


MANUALS = {"../ska_oso_oet_client/man": manuals.client, "../ska_oso_oet/man": manuals.server}


def openapi() -> str:
    """The OpenAPI document of this release."""
    command = [sys.executable, "-m", "docs.openapi"]
    return subprocess.run(command, cwd=_HERE.parent, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Write every generated page."""
    OPENAPI.write_text(openapi())
    for name, page in PAGES.items():
        (_HERE / name).write_text(page())
    for folder, pages in MANUALS.items():
        shutil.rmtree(_HERE / folder, ignore_errors=True)
        (_HERE / folder).mkdir()
        for name, text in pages().items():
            (_HERE / folder / name).write_text(text)


if __name__ == "__main__":
    main()
