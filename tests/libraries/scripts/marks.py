"""What scripts leave for the test: lines with a time, the kind of mark and a name, in the file ``marks``."""

import os
import time
from pathlib import Path


class Marks:
    """Marks in a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def begun(self, name):
        """What is cleaned up later."""
        self._write("begun", name)

    def cleaned(self, name):
        """That was cleaned up, to its end."""
        self._write("cleaned", name)

    def saw(self, what):
        """Anything else."""
        self._write("saw", what)

    def here(self):
        """The script may be stopped now."""
        self._write("here", "")

    def _write(self, kind, name):
        descriptor = os.open(self.folder / "marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, f"{time.time()} {kind} {name}\n".encode())
        finally:
            os.close(descriptor)
