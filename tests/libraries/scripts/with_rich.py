"""rich."""

import time

from marks import Marks
from rich.console import Console
from rich.live import Live
from rich.table import Table


def main(folder, seconds):
    marks = Marks(folder)
    table = Table("scan")
    marks.begun("main")
    try:
        with Live(table, console=Console(width=60), refresh_per_second=20):
            table.add_row("1")
            marks.here()
            time.sleep(seconds)
            table.add_row("2")
    finally:
        marks.cleaned("main")
