"""click."""

import time

import click
from marks import Marks


@click.command()
@click.argument("folder")
@click.argument("seconds", type=float)
def observe(folder, seconds):
    marks = Marks(folder)
    marks.begun("command")
    try:
        marks.here()
        with click.progressbar(range(10), label="scans") as scans:
            for _ in scans:
                time.sleep(seconds / 10)
    finally:
        click.echo("end")
        marks.cleaned("command")


def main(folder, seconds):
    observe.main([folder, str(seconds)], standalone_mode=False)
