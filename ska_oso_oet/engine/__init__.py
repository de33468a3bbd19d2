"""Loads and calls a script. Runs in the script's process, under the script's own interpreter.

Standard library only, any Python from 3.10 on; pypubsub only in
:mod:`.script_pubsub`, if the environment has it.
"""
