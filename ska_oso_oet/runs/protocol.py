"""The protocol between SESWorker and a supervisor: frames on a Unix socket.

==========  ========  ==========================================================================
from        op        fields
==========  ========  ==========================================================================
supervisor  hello     ``pid``, ``started``, ``boot`` (its identity), ``runner``
service     spec      the run: the content of ``spec.json``
service     follow    ``after``: tell me all records above this number (after a crash of mine); starts that
                      have not begun are void
service     ack       ``n``: everything up to here is in the journal
service     start     ``main``, ``context``, ``request_id``, ``user``, ``strict`` (it may be unsuited)
service     withdraw  ``request_id``: that start is void, unless ``main`` is called already
service     stop      ``why`` (stop, shutdown, evict), ``by``
service     message   ``topic``, ``payload``, ``n``: for the script's own pypubsub
supervisor  records   ``batch`` of records, each with ``n``, ``time``, ``kind``
supervisor  followed  no start of an earlier service begins from here on
supervisor  output    ``batch`` of pieces of output, as they come; all of them are in the run directory
==========  ========  ==========================================================================

Kinds of records: ``state`` (``state``), ``resolved`` (``commit``, ``branch``), ``ready`` (``pid``, and
``sha256`` of the script's file), ``unsuited`` (``why``, ``request_id`` of the start), ``started`` (``main``,
``given``: the arguments that were asked for, ``request_id``, ``user``), ``withdrawn`` (``request_id`` of the
start), ``message`` (``topic``, ``payload``), ``heard`` (``message``: the number of one from outside),
``inspected`` (``found``, of a script that is only looked at),
``slowed`` (``rate``), ``stage`` (``stage``), ``final`` (``state``, ``outcome``, ``stacktrace``,
``survivors``, ``sha256``).
"""

#: How many records may be told and not yet be in the journal. A script that publishes faster than this
#: waits, so that what happens next (its stop, say) is never far behind.
WINDOW = 500

#: Bytes that a script's process may say at once, a message for instance.
LONGEST = 8 * 2**20
#: The most values in a message of a script's process; beyond that, the engine sends its representation.
MOST_VALUES = 100_000
