"""A small telescope made of real Tango devices, for demonstrations and tests.

The behaviour (``tmc`` and its imports) is plain Python and knows no Tango; ``devices`` translates it,
``server`` runs it as one device server, and ``command_line`` is the ``oet-simulator`` command.
"""
