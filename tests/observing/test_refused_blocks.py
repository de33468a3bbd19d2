"""A block that the packaged script would refuse is refused before anything is stored or created."""

from __future__ import annotations

from pathlib import Path

import pytest

from ska_oso_oet.settings import PACKAGED_SCRIPTS

from ..conftest import serving
from ..support.activities import OBSERVE, Activities, Blocks, inline
from ..support.blocks import sample

PACKAGED = {"kind": "filesystem", "path": OBSERVE}


@pytest.mark.parametrize(
    ("activity", "change", "sentence"),
    [
        (PACKAGED, {"dish_allocations": {}}, "dish_allocations has no dish_ids"),
        (PACKAGED, {}, "needs fsp_ids of the observatory; set it in OET_OBSERVATORY"),
        (
            inline("def main(sb_json): pass\n"),
            {"telescope": "ska_low"},
            "is for ska_low, and this OET drives SKA-mid",
        ),
    ],
)
def test_nothing_is_stored_of_a_block_that_is_refused(
    tmp_path: Path, activity: dict[str, str], change: dict[str, object], sentence: str
) -> None:
    with serving(tmp_path / "state", SCRIPTS_LOCATION=PACKAGED_SCRIPTS) as server:
        content = {k: v for k, v in sample("mid").items() if k not in ("sbd_id", "activities")}
        blocks = Blocks(server)
        blocks.add("sbd-refused", {"observe": activity}, **(content | change))
        answer = Activities(server).post("sbd-refused")
        assert answer.status_code == 422
        assert sentence in answer.json()["detail"]
        assert blocks.instances() == []
        assert server.get("/procedures") == []
        assert server.get("/activities") == []
