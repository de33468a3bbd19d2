"""Files that are left open: text, gzip, sqlite3, logging, tempfile."""

import gzip
import logging.handlers
import sqlite3
import tempfile
import time

from marks import Marks

kept = []


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        log = logging.getLogger("observing")
        log.addHandler(logging.handlers.MemoryHandler(100, target=logging.FileHandler(f"{folder}/log.txt")))
        log.warning("windy")
        table = sqlite3.connect(f"{folder}/rows.db")
        table.execute("create table rows (n)")
        table.execute("insert into rows values (1)")
        table.commit()
        text = open(f"{folder}/rows.csv", "w")
        text.write("1,2\n")
        packed = gzip.open(f"{folder}/rows.gz", "wt")
        packed.write("1,2\n")
        temporary = tempfile.NamedTemporaryFile()
        kept.extend([table, text, packed, temporary, tempfile.TemporaryDirectory()])
        marks.here()
        time.sleep(seconds)
    finally:
        marks.cleaned("main")
