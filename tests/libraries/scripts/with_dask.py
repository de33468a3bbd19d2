"""dask: LocalCluster."""

import time

from dask.distributed import Client, LocalCluster
from marks import Marks


def work(n):
    time.sleep(0.1)
    return n * n


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=folder + "/dask"
            ) as cluster,
            Client(cluster) as client,
        ):
            marks.saw(sum(client.gather(client.map(work, range(4)))))
            marks.here()
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                client.submit(work, 2, pure=False).result()
    finally:
        marks.cleaned("main")
