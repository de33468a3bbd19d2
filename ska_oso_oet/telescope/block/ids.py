"""Identifiers that never repeat: of execution blocks, processing blocks and scans.

A number has 53 bits, so that JSON of every language keeps it whole: 41 of milliseconds since 2026 (69 years),
5 of the subarray, 7 at random. In one process no millisecond is used twice.
"""

from __future__ import annotations

import secrets
import threading
import time

_EPOCH_MS = 1767225600000  #: 2026-01-01, in milliseconds since 1970
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  #: Crockford's base 32, as in the telescope's identifiers

_lock = threading.Lock()
_last = 0


def unique_number(subarray_id: int) -> int:
    """Return a number that no other script of any subarray has had."""
    global _last  # noqa: PLW0603  a process has one clock
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1_000_000 - _EPOCH_MS)
        moment = _last
    return (moment & (2**41 - 1)) << 12 | (subarray_id & 31) << 7 | secrets.randbelow(128)


def unique_id(kind: str, subarray_id: int) -> str:
    """Return an identifier such as ``eb-oet01-20260218-06txs9jhxnk``.

    :param kind: ``eb`` or ``pb``
    """
    number, digits = unique_number(subarray_id), ""
    for _ in range(11):
        number, digit = divmod(number, 32)
        digits = _DIGITS[digit] + digits
    day = time.strftime("%Y%m%d", time.gmtime())
    return f"{kind}-oet{subarray_id:02d}-{day}-{digits}"
