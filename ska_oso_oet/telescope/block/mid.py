"""The commands of an observation with SKA-mid."""

from __future__ import annotations

import functools
from typing import Any

from .execution import Beam, Observation, Window
from .reading import Reader, named
from .scans import Observed, Scan, scan_of
from .sdp import assignment
from .sequence import Definition, chosen, definitions_of
from .surroundings import Surroundings
from .targets import Target

_CHANNEL = 13440  #: Hz, without zoom
_STEP = 20  #: the correlator's channels come in groups of so many
_SLICE = 198_180_864  #: Hz that one frequency slice processor (FSP) takes; the first is centred on 0
_MOST_CHANNELS = 58_980  #: of one region
#: Lowest and highest frequency by band in Hz, with a margin: the integration facility tunes beyond the bands.
_BANDS = {
    "1": (300e6, 1200e6),
    "2": (900e6, 1800e6),
    "3": (1600e6, 3100e6),
    "4": (2700e6, 5300e6),
    "5a": (4500e6, 8600e6),
    "5b": (8200e6, 15500e6),
}


class Mid(Observed):
    """A block of SKA-mid, read in full."""

    def __init__(self, block: Reader, surroundings: Surroundings, sbi_id: str, eb_id: str) -> None:
        super().__init__(block, surroundings, eb_id)
        allocation = block.object("dish_allocations")
        self._dishes = _dishes(allocation)
        definitions = definitions_of(block, allocation)
        allocation.harmless("dish_allocation_id", "selected_subarray_definition")
        allocation.close()
        self._bands = _dish_bands(block)
        targets = self.targets([definition.target for definition in definitions])
        configurations = named(block.objects("csp_configurations"), "config_id")
        read: dict[str, tuple[str, list[dict[str, Any]], list[Window]]] = {}
        for definition in definitions:
            part = chosen(
                definition, configurations, definition.csp, "csp_configuration", "csp_configurations"
            )
            if definition.csp not in read:
                read[definition.csp] = _correlation(part, surroundings)
        self._configurations = read
        seen = Observation(
            surroundings=surroundings,
            eb_id=eb_id,
            sbi_id=sbi_id,
            beams=[Beam(number=1, definitions=definitions)],
            targets=targets,
            windows={name: windows for name, (_band, _regions, windows) in read.items()},
            receptors=self._dishes,
        )
        self._sdp, types = assignment(block, seen)
        self._model = self._telescope_model(block)
        for definition, scan_type in zip(definitions, types, strict=True):
            self.scans += self._scans(definition, targets[definition.target], scan_type)

    def assign(self) -> dict[str, Any]:
        """The parts of AssignResources."""
        request: dict[str, Any] = {"dish": {"receptor_ids": self._dishes}, "sdp": self._sdp}
        return {**request, "telmodel": self._model} if self._model else request

    def _telescope_model(self, block: Reader) -> dict[str, Any] | None:
        if not self.surroundings.interfaces.telescope_model:
            return None
        for part in block.objects("sdp_configurations"):
            parameters = part.raw("script_parameters")
            model = parameters.get("telescope_model") if isinstance(parameters, dict) else None
            if isinstance(model, dict) and {"sources", "layout_key"} <= set(model):
                return {"source_uris": model["sources"], "array_layout_path": model["layout_key"]}
        model = self.surroundings.required("telescope_model", f"{block.about}, whose SDP scripts name none,")
        uris = model["source_uris"]
        return {**model, "source_uris": [uris] if isinstance(uris, str) else uris}

    def _scans(self, definition: Definition, target: Target, scan_type: str) -> list[Scan]:
        band, regions, _windows = self._configurations[definition.csp]
        if definition.dish_configuration is not None:
            stated = chosen(
                definition,
                self._bands,
                definition.dish_configuration,
                "dish_configuration",
                "dish_configurations",
            )
            if stated != band:
                definition.reader.refuse(f"has dishes in band {stated} and a correlator in band {band}")
        interfaces = self.surroundings.interfaces
        pointing: dict[str, Any] = {"groups": [{"field": target.field()}]}
        if definition.correction:
            pointing["correction"] = definition.correction
        common: dict[str, Any] = {"config_id": definition.csp, "frequency_band": band, "eb_id": self.eb_id}
        if band in ("5a", "5b"):
            common["band_5_tuning"] = self.surroundings.required(
                "band_5_tuning", f"{definition.reader.about}: band {band} in {definition.csp!r}"
            )
        configuration = {
            "interface": interfaces.url("configure"),
            "pointing": pointing,
            "dish": {"receiver_band": band},
            "csp": {
                "interface": interfaces.url("csp"),
                "common": common,
                "midcbf": {"correlation": {"processing_regions": regions}},
            },
            "sdp": {"interface": interfaces.url("sdp_configure"), "scan_type": scan_type},
            "tmc": {"scan_duration": definition.duration, "partial_configuration": False},
        }
        scans = [scan_of(definition, target, lambda: configuration, len(self.scans) + 1)]
        for offsets in _cross(target.five_point):
            number = len(self.scans) + len(scans) + 1
            moved = functools.partial(self._moved, *offsets)
            scans.append(scan_of(definition, target, moved, number, partial=True))
        return scans

    def _moved(self, ca: float, ie: float) -> dict[str, Any]:
        return {
            "interface": self.surroundings.interfaces.url("configure"),
            "pointing": {"target": {"ca_offset_arcsec": ca, "ie_offset_arcsec": ie}},
            "tmc": {"partial_configuration": True},
        }


def _cross(offset: float) -> list[tuple[float, float]]:
    """The offsets after the centre of a five-point pattern, in cross-elevation and elevation."""
    return [(0.0, offset), (0.0, -offset), (offset, 0.0), (-offset, 0.0)] if offset else []


def _dishes(allocation: Reader) -> list[str]:
    key = "dish_ids" if allocation.has("dish_ids") or not allocation.has("receptor_ids") else "receptor_ids"
    dishes = allocation.texts(key) if allocation.has(key) else []
    if not dishes:
        allocation.refuse("has no dish_ids")
    if len(set(dishes)) != len(dishes):
        allocation.refuse("repeats a dish", key)
    return dishes


def _dish_bands(block: Reader) -> dict[str, str]:
    """The receiver band by dish configuration; until PDM 16, later the correlator says it."""
    bands = {}
    for name, reader in named(block.objects("dish_configurations"), "dish_configuration_id").items():
        bands[name] = reader.text("receiver_band")
        reader.close()
    return bands


def _correlation(
    configuration: Reader, surroundings: Surroundings
) -> tuple[str, list[dict[str, Any]], list[Window]]:
    """The band, the processing regions and the channels of one CSP configuration."""
    if not configuration.has("midcbf"):
        configuration.refuse("has no midcbf")
    midcbf = configuration.object("midcbf")
    configuration.harmless("name", "description")
    configuration.close()
    band = midcbf.text("frequency_band")
    if band not in _BANDS:
        midcbf.refuse(f"must be one of {', '.join(_BANDS)}, not {band[:20]!r}", "frequency_band")
    regions: list[dict[str, Any]] = []
    windows: list[Window] = []
    for subband in midcbf.objects("subbands"):
        _require_no_offset(subband)
        for window in subband.objects("correlation_spws"):
            _add_region(window, band, regions, windows)
        subband.close()
    midcbf.close()
    if not regions:
        midcbf.refuse("has no correlation_spws", "subbands")
    _assign_processors(configuration, regions, surroundings)
    return band, regions, windows


def _require_no_offset(subband: Reader) -> None:
    if subband.has("frequency_slice_offset"):
        offset = subband.object("frequency_slice_offset")
        if offset.number("value") != 0:
            offset.refuse("other than 0 is not observed", "value")


def _add_region(reader: Reader, band: str, regions: list[dict[str, Any]], windows: list[Window]) -> None:
    count, zoom = reader.whole("number_of_channels", 1), _default(reader, "zoom_factor", 0)
    if not 20 <= count <= _MOST_CHANNELS:
        reader.refuse(f"must be 20 to {_MOST_CHANNELS}, not {count}", "number_of_channels")
    if count % _STEP:
        reader.adjust(
            f"is {count}; the correlator takes {count - count % _STEP}, a multiple of {_STEP}",
            "number_of_channels",
        )
        count -= count % _STEP
    if zoom > 6:
        reader.refuse(f"must be 0 to 6, not {zoom}", "zoom_factor")
    if _default(reader, "channel_averaging_factor", 1) != 1:
        reader.refuse("other than 1 is not observed", "channel_averaging_factor")
    integration = _default(reader, "time_integration_factor", 1)
    if not 1 <= integration <= 10:
        reader.refuse(f"must be 1 to 10, not {integration}", "time_integration_factor")
    width = _CHANNEL // 2**zoom
    lowest = reader.number("centre_frequency") - count * width / 2
    least, most = _BANDS[band]
    if not least <= lowest <= lowest + count * width <= most:
        reader.refuse(
            f"is outside band {band}: {lowest:.0f} to {lowest + count * width:.0f} Hz", "centre_frequency"
        )
    start = windows[-1].start + windows[-1].count if windows else 0
    reader.harmless("spw_id", "logical_fsp_ids")  # which processors are free, the observatory knows
    reader.close()
    regions.append(
        {
            "start_freq": round(lowest + width / 2),  # the centre of the first channel
            "channel_width": width,
            "channel_count": count,
            "sdp_start_channel_id": start,
            "integration_factor": integration,
        }
    )
    windows.append(Window(count=count, start=start, freq_min=lowest, freq_max=lowest + count * width))


def _default(reader: Reader, key: str, value: int) -> int:
    return reader.whole(key) if reader.has(key) else value


def _assign_processors(
    configuration: Reader, regions: list[dict[str, Any]], surroundings: Surroundings
) -> None:
    """Give each region as many processors as it has frequency slices, from those of the observatory."""
    free = list(surroundings.required("fsp_ids", f"{configuration.about}: {configuration.path}"))
    for region in regions:
        lowest = region["start_freq"]
        highest = lowest + region["channel_width"] * (region["channel_count"] - 1)
        needed = int((highest + _SLICE / 2) // _SLICE - (lowest + _SLICE / 2) // _SLICE) + 1
        if needed > len(free):
            configuration.refuse(
                f"needs more frequency slice processors than the {len(surroundings.observatory['fsp_ids'])} "
                "that fsp_ids of the observatory names"
            )
        region["fsp_ids"], free = free[:needed], free[needed:]
