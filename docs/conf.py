"""How Sphinx builds the documentation; `make docs-build` runs it."""

from __future__ import annotations

import itertools

import click
from sphinx.application import Sphinx

from ska_oso_oet import __version__
from ska_oso_oet_client.cli.examples import EXAMPLES
from ska_oso_oet_client.cli.help import HelpPage
from ska_oso_oet_client.cli.settings import common_options

project = "Observation Execution Tool"
release = __version__
html_title = f"OET {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["_build", "diagrams"]
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = False
smartquotes = False  # pages are full of options
html_show_copyright = False

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {
    "members": True,
    "inherited-members": "object, Exception",
    "exclude-members": "from_json, to_json, of, from_message, all_from_json",
}
# What others have written is described elsewhere, and nothing is fetched while the pages are built.
nitpick_ignore_regex = [(r"py:.*", r"(?!ska_oso_oet_client).*")]


def _without_common_options(_: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Describe the options that every `oet` command takes once, with `oet` itself."""
    common = {spelling for option in common_options() for spelling in option.opts}
    if context.parent is None:
        return
    starts = [n for n, line in enumerate(lines) if line.startswith(".. option::")]
    for start, end in reversed(list(itertools.pairwise([*starts, len(lines)]))):
        if lines[start].split()[2].rstrip(",") in common:
            del lines[start:end]


def _examples(_: Sphinx, context: click.Context, lines: list[str]) -> None:
    """What `oet COMMAND --help` shows at its end."""
    if isinstance(context.command, HelpPage):
        shown = EXAMPLES[context.command_path]
        lines += ["For example:", "", ".. code-block:: console", "", *(f"   $ {line}" for line in shown), ""]


def setup(app: Sphinx) -> None:
    """Make the reference of the command line readable."""
    app.connect("sphinx-click-process-options", _without_common_options)
    app.connect("sphinx-click-process-epilog", _examples)
