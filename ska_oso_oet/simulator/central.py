"""The central node: hands resources to subarrays and takes them back. Knows no Tango."""

from __future__ import annotations

from collections.abc import Mapping

from ..telescope.states import ResultCode
from .answers import Answer, Result, new_id
from .arguments import BadArgument, decoded, subarray_id
from .commands_taken import CommandsTaken
from .listening import Listener, Nobody
from .subarray import Subarray


class Central:
    """Passes commands about resources on to the subarray they name, and reports under an id of its own."""

    def __init__(self, subarrays: Mapping[int, Subarray]) -> None:
        self._subarrays = subarrays
        self._listener: Listener = Nobody()
        self.last_result = ("", "")
        self.taken = CommandsTaken()

    def attach(self, listener: Listener) -> None:
        """Report changes to this listener from now on."""
        self._listener = listener

    def execute(self, name: str, text: str) -> Answer:
        """Take AssignResources or ReleaseResources.

        :raises NotAllowed: not in the subarray's observing state
        :raises CommandRaised: an injected fault wants it
        """
        try:
            number = subarray_id(name, decoded(text))
            subarray = self._subarrays.get(number)
            if subarray is None:
                numbers = ", ".join(map(str, self._subarrays))
                raise BadArgument(f"there is no subarray {number}; there are {numbers}")
        except BadArgument as error:
            return Answer(ResultCode.REJECTED, str(error))
        ours = new_id(name)
        self.taken.begin(ours, name)
        answer = subarray.execute(name, text, lambda _theirs, result: self._report(ours, result))
        self._listener.flush()
        if answer.code is ResultCode.QUEUED:
            return Answer(answer.code, ours)
        self.taken.end(ours, Result(answer.code, answer.text))
        return answer

    def _report(self, command_id: str, result: Result) -> None:
        self.taken.end(command_id, result)
        self.last_result = (command_id, result.to_json())
        self._listener.publish("longRunningCommandResult", self.last_result)
