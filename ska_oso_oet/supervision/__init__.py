"""Starts, watches and kills scripts. Runs in the forkserver and in one supervisor for each procedure.

Knows SESWorker by the protocol in :mod:`ska_oso_oet.runs.protocol` only.
"""
