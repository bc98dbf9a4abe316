"""The verb that makes inputs of networks from recorded movements."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from proprio_tcn._words import counted

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from proprio_tcn.arms.arm import Arm
    from proprio_tcn.inputs_config import InputsConfig
    from proprio_tcn.recorded.inputs import RecordedInputs
    from proprio_tcn.recorded.reconstruction import Reconstruction, Residuals
    from proprio_tcn.recorded.tables import AngleTable, MarkerTable

__all__ = ["inputs"]


def inputs(config: "InputsConfig", run: "Run") -> float | None:
    """Write the inputs of a session; returns the RMS residual of its markers in mm, if any.

    Raises:
        ValueError: No table of trials is named.
    """
    from proprio_tcn.arms.opening import open_arm
    from proprio_tcn.recorded.events import read_events
    from proprio_tcn.recorded.reconstruction import reconstruct
    from proprio_tcn.recorded.settings import RecordedSettings

    choices = cast(Any, config)
    settings = RecordedSettings(
        axes=choices.axes,
        marker_weights=config.marker_weights,
        max_gap_s=config.max_gap_s,
        long_gaps=choices.long_gaps,
        max_residual_mm=config.max_residual_mm,
        lowpass_hz=config.lowpass_hz,
        out_of_range=choices.out_of_range,
        too_long=choices.too_long,
        passive_bins=config.passive_bins,
    )
    recorded, trials = _read(config), read_events(config.events)
    arm = open_arm(config.arm, **config.arm_options)
    found = reconstruct(arm, recorded, trials, settings, _watch)
    found.inputs.write(run.path("inputs.h5"))
    _write_tables(found, run)
    told = _summary(arm, recorded, found)
    print("\n".join(told))
    if config.figure:
        print(f"\n    {_draw(found, told, run)}")
    print(f"\nrecording={run.path('inputs.h5')}")
    if found.residuals is None:
        return None
    return _pooled(found.residuals.rms_mm.ravel())


def _read(config: "InputsConfig") -> "MarkerTable | AngleTable":
    from neuro_common.files import FormatError
    from proprio_tcn.recorded.csv_tables import read_angle_csv, read_marker_csv
    from proprio_tcn.recorded.storage import angles_of, read_storage
    from proprio_tcn.recorded.trc import read_trc

    if (config.markers is None) == (config.angles is None):
        raise ValueError(
            "markers or angles must name a file, and not both: give markers=FILE.trc, or "
            "angles=FILE.mot"
        )
    path = Path(config.markers or config.angles or "")
    kind = path.suffix.lower()
    if config.markers is not None:
        if kind not in (".trc", ".csv"):
            raise FormatError(f"markers must be a .trc or .csv file, got {path}")
        table = read_trc(path) if kind == ".trc" else read_marker_csv(path, config.unit)
        return _renamed(table, config.rename)
    if kind in (".mot", ".sto"):
        return angles_of(read_storage(path))
    if kind != ".csv":
        raise FormatError(f"angles must be a .mot, .sto or .csv file, got {path}")
    return read_angle_csv(path)


def _renamed(table: "MarkerTable", rename: dict[str, str]) -> "MarkerTable":
    from dataclasses import replace

    from neuro_common.files import FormatError
    from proprio_tcn.recorded.tables import unknown_name

    for name in rename:
        if name not in table.names:
            raise FormatError(unknown_name(table.source, "marker", name, table.names))
    names = tuple(rename.get(name, name) for name in table.names)
    for name in names:
        if names.count(name) > 1:
            raise FormatError(f"rename must leave each marker its own name, got {name!r} twice")
    return replace(table, names=names)


def _watch(rows: Sequence[int]) -> Iterable[int]:
    from neuro_common.cli import progress

    return progress(rows, "reconstruct")


def _write_tables(found: "Reconstruction", run: "Run") -> None:
    from neuro_common.files import write_csv

    write_csv(run.path("kinematics.csv"), _kinematics(found.inputs))
    if found.residuals is not None:
        write_csv(run.path("residuals.csv"), _long(found.inputs, found.residuals))


def _draw(found: "Reconstruction", told: Sequence[str], run: "Run") -> Path:
    """Draw the session on a page, whose path this returns."""
    from neuro_common.report import Report
    from proprio_tcn.figures.session import draw_session

    path = draw_session(found.inputs, found.residuals, run.path("figures", "session"))
    of_markers = (
        "Markers: how far the fit misses each, a point for a trial, a bar at the median. "
        if found.residuals is not None
        else ""
    )
    caption = (
        f"{of_markers}Hand: all movements from the shoulder, a dot where each begins. Below, the "
        "joints of some trials and the muscles whose length changes most in them, as the change "
        "since the movement began; its bins are shaded, the line is its start."
    )
    page = Report(run.directory, "proprio-tcn: a recorded session").text(" ".join(told[:2]))
    return page.figure(path, caption).write()


def _kinematics(inputs: "RecordedInputs") -> dict[str, Sequence[Any]]:
    """Joints, hand and elbow in the bins of the movements, a row for each."""
    import numpy as np

    from proprio_tcn.movements.format import BIN_S
    from proprio_tcn.recorded.windows import START_BIN

    row, bins = np.nonzero(inputs.movement)
    columns: dict[str, Sequence[Any]] = {
        "trial": [inputs.trial[one] for one in row],
        "condition": np.where(inputs.passive[row], "passive", "active").tolist(),
        "bin": bins.tolist(),
        "time_s": ((bins - START_BIN + 0.5) * BIN_S).round(6).tolist(),
    }
    for at, name in enumerate(inputs.coordinates):
        columns[f"{name}_deg"] = inputs.joint[row, at, bins, 0].tolist()
        columns[f"{name}_deg_s"] = inputs.joint[row, at, bins, 1].tolist()
    places = {"hand": inputs.hand} | ({} if inputs.elbow is None else {"elbow": inputs.elbow})
    for name, place in places.items():
        for at, axis in enumerate("xyz"):
            columns[f"{name}_{axis}_cm"] = place[row, at, bins, 0].tolist()
            columns[f"{name}_{axis}_cm_s"] = place[row, at, bins, 1].tolist()
    return columns


def _long(inputs: "RecordedInputs", residuals: "Residuals") -> dict[str, Sequence[Any]]:
    """Residuals of each marker in each trial, a row for each pair."""
    trials, markers = residuals.rms_mm.shape
    return {
        "trial": [name for name in inputs.trial for _ in range(markers)],
        "marker": list(residuals.markers) * trials,
        "rms_mm": residuals.rms_mm.ravel().tolist(),
        "max_mm": residuals.max_mm.ravel().tolist(),
        "filled_frames": residuals.filled.ravel().tolist(),
    }


def _summary(
    arm: "Arm", recorded: "MarkerTable | AngleTable", found: "Reconstruction"
) -> list[str]:
    inputs = found.inputs
    passive = int(inputs.passive.sum())
    lines = [
        f"{counted(len(inputs), 'trial')}, {len(inputs) - passive} active and {passive} passive, "
        f"of {recorded.source} at {recorded.fs_hz:.6g} frames per s",
        f"{inputs.arm} ({inputs.species}): {len(inputs.muscles)} muscles, {inputs.moving.sum()} of "
        f"them moved by {', '.join(inputs.coordinates)}",
    ]
    if found.dropped:
        lines.append(f"dropped as too long: {', '.join(found.dropped)}")
    if (residuals := found.residuals) is not None:
        width = max(len(name) for name in (*residuals.markers, "marker"))
        lines += ["", f"{'marker':{width}}  RMS mm  max mm  filled frames"]
        for at, name in enumerate(residuals.markers):
            rms, most = _pooled(residuals.rms_mm[:, at]), _largest(residuals.max_mm[:, at])
            lines.append(
                f"{name:{width}}  {rms:6.3f}  {most:6.3f}  {residuals.filled[:, at].sum()}"
            )
    return lines


def _pooled(rms: Any) -> float:
    """RMS over trials, those left out in which nothing was seen."""
    import numpy as np

    seen = rms[~np.isnan(rms)]
    return float(np.sqrt((seen**2).mean())) if seen.size else float("nan")


def _largest(values: Any) -> float:
    import numpy as np

    seen = values[~np.isnan(values)]
    return float(seen.max()) if seen.size else float("nan")
