"""The numbers this server keeps about itself. Standard library only; shown by :mod:`ska_oso_oet.web.metrics`.

Each process keeps its own numbers in a file that outlives it (:mod:`.store`), so a worker that was killed
goes on where it was, and whoever shows them reads the files of all. :mod:`.catalogue` names every metric.
"""
