"""A small Tango device server without a database: prints its address, and serves until it is killed."""

from __future__ import annotations

import os
import threading
import time

from tango.server import Device, attribute, command, run

from ska_oso_oet.simulator.server import reserve, wait_until_answering

NAME = "test/slow/1"


class Slow(Device):
    """Takes its time."""

    @attribute(dtype=float)
    def quick(self) -> float:
        """Change events are pushed by nobody; it can be read."""
        return 3.14

    @attribute(dtype=float)
    def slow(self) -> float:
        """Takes 2 s to be read, as Tango does when it is subscribed to."""
        time.sleep(2)
        return 3.14

    def init_device(self) -> None:
        """Let clients subscribe."""
        super().init_device()
        self.set_change_event("quick", True, False)
        self.set_change_event("slow", True, False)

    @command(dtype_in=float)
    def Take(self, seconds: float) -> None:  # noqa: N802  Tango names commands after methods
        """Take this long."""
        time.sleep(seconds)


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # what Tango prints is not for the reader of the address
    reserved = reserve("127.0.0.1", 0)
    address = f"127.0.0.1:{reserved.getsockname()[1]}"
    trl = f"tango://{address}/{NAME}#dbase=no"

    def announce() -> None:
        wait_until_answering(trl)
        reserved.close()
        os.write(out, f"{trl}\n".encode())

    endpoint = ["-ORBendPoint", f"giop:tcp:{address}", "-host", "127.0.0.1"]
    run(
        (Slow,),
        args=["Slow", "test", *endpoint, "-nodb", "-dlist", f"Slow::{NAME}"],
        post_init_callback=threading.Thread(target=announce, daemon=True).start,
        raises=True,
    )


if __name__ == "__main__":
    main()
