"""p4p."""

import time

from marks import Marks
from p4p.client.thread import Context
from p4p.nt import NTScalar
from p4p.server import Server
from p4p.server.thread import SharedPV


def main(folder, seconds):
    marks = Marks(folder)
    pv = SharedPV(nt=NTScalar("d"), initial=3.0)
    marks.begun("main")
    try:
        with Server(providers=[{"test:value": pv}], isolate=True) as server:
            with Context("pva", conf=server.conf(), useenv=False) as client:
                marks.saw(int(client.get("test:value")))
                marks.here()
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    client.get("test:value")
    finally:
        marks.cleaned("main")
