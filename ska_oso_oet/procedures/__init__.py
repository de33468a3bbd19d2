"""Decides about procedures: accepts requests, launches supervisors, turns their records into events.

Runs in SESWorker.
"""
