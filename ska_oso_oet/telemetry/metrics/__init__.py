"""The metrics of the server. Standard library only.

Each process writes its values to a file that outlives it (:mod:`.store`), so that counters survive a crash;
:mod:`ska_oso_oet.web.views.metrics` reads the files of all processes. :mod:`.catalogue` has every metric.
"""
