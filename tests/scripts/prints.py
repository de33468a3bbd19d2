"""Prints to both streams, from Python, from C and from a child process."""

import os
import subprocess
import sys


def main(lines=3):
    for n in range(lines):
        print(f"line {n}")
    print("a warning", file=sys.stderr)
    os.write(1, "from C: é\n".encode())
    subprocess.run(["sh", "-c", "echo from a child"], check=True)
