"""The nervous system of C. elegans: the edge list of Cook et al. (2019), as c302 ships it."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from brainnn.connectome.columns import read_columns
from brainnn.connectome.graph import Connectome
from brainnn.connectome.tables import synapse_counts
from neuro_common.extras import MissingExtra
from neuro_common.files import FormatError

__all__ = ["Cells", "Synapses", "read_worm"]

Synapses = Literal["chemical", "electrical", "both"]
Cells = Literal["neurons", "muscles", "all"]

_COLUMNS = {"pre": ("Source",), "post": ("Target",), "count": ("Weight",), "kind": ("Type",)}

# after the table of cells of Cook et al. 2019; in the pharynx after Albertson and Thomson 1976
_CLASSES = {
    "sensory": """ADE ADF ADL AFD ALM ALN AQR ASE ASG ASH ASI ASJ ASK AVM AWA AWB AWC BAG CEP DVA
        FLP IL1 IL2 OLL OLQ PDE PHA PHB PHC PLM PLN PQR PVD PVM SDQ URX URY""",
    "interneuron": """ADA AIA AIB AIM AIN AIY AIZ ALA AUA AVA AVB AVD AVE AVF AVG AVH AVJ AVK AVL
        BDU CAN DVB DVC I1 I2 I3 I4 I5 I6 LUA PVC PVN PVP PVQ PVR PVT PVW RIA RIB RIC RID RIF RIG
        RIH RIM RIP RIR RIS RMF RMG SAA URB""",
    "motor": """AS DA DB DD HSN M1 M2 M3 M4 M5 MC MI NSM PDA PDB RIV RMD RME RMH SAB SIA SIB SMB
        SMD URA VA VB VC VD""",
}
# acetylcholine: Pereira et al. 2015; glutamate: Serrano-Saiz et al. 2013; GABA: McIntire et al.
# 1993; monoamines: Chase and Koelle 2007. RIB and PVQ are left out, on which later maps disagree.
_TRANSMITTERS = {
    "acetylcholine": """ADF AIA AIN AIY ALN AS ASJ AVA AVB AVD AVE AVG AWB DA DB DVA HSN I1 I3 IL2
        M1 M2 M4 M5 MC PDA PDB PLN PVC PVN PVP RIF RIH RIR RIV RMD RMF RMH SAA SAB SDQ SIA SIB SMB
        SMD URA URB URX VA VB VC""",
    "glutamate": """ADA ADL AFD AIB AIM AIZ ALM AQR ASE ASG ASH ASK AUA AVM AWC BAG DVC FLP I2 I5
        IL1 LUA M3 MI OLL OLQ PHA PHB PHC PLM PQR PVD PVR RIA RIG RIM URY""",
    "gaba": "AVL DD DVB RIS RME VD",
    "dopamine": "ADE CEP PDE",
    "serotonin": "NSM",
    "octopamine": "RIC",
}
_CLASS_OF = {name: label for label, names in _CLASSES.items() for name in names.split()}
_TRANSMITTER_OF = {name: label for label, names in _TRANSMITTERS.items() for name in names.split()}

# a side, an end or a number follows the name of a neuron's type: ADA-L, RMD-DL, VB-01
_NEURON = re.compile(rf"({'|'.join(sorted(_CLASS_OF, key=len, reverse=True))})([DV]?[LR]?|\d\d)")
_MUSCLE = re.compile(r"([dv]BWM)[LR]\d+|(pm\d|[uv]m\d)[adlprvLR]*|(int)[LR]|(anal|sph)")


def read_worm(
    path: str | Path | None = None,
    *,
    synapses: Synapses = "chemical",
    cells: Cells = "neurons",
    autapses: bool = False,
) -> Connectome:
    """Read the hermaphrodite's connectome.

    Types are those of the neurons without side and number; classes are "sensory", "interneuron",
    "motor" and "muscle", and "" for other cells. Signs stay unknown, see
    `brainnn.connectome.signs`; where two transmitters are known, the fast one counts. AVL and DVB
    excite the gut's muscles with their GABA (Beg and Jorgensen 2003), which a sign for each neuron
    does not tell.

    Args:
        path: The file herm_full_edgelist.csv; None takes that of the installed c302.
        synapses: "electrical" ones count in both directions, with the larger number where the two
            differ in the list; "both" adds them up.
        cells: Which to take: "neurons", these with the "muscles", or "all" that are in the list.
        autapses: Whether to take the connections of cells with themselves.

    Raises:
        MissingExtra: No path is given and c302 is not installed.
        FileNotFoundError: There is no such file.
        FormatError: It is another table.
        ValueError: An option names something unknown.
    """
    if synapses not in get_args(Synapses):
        raise ValueError(f"synapses must be one of {get_args(Synapses)}, got {synapses!r}")
    if cells not in get_args(Cells):
        raise ValueError(f"cells must be one of {get_args(Cells)}, got {cells!r}")
    path = _installed() if path is None else Path(path)
    table = read_columns(path, _COLUMNS)
    ids = sorted({*table["pre"], *table["post"]})
    labels = [_identify(name) for name in ids]
    kinds = np.array(table.pop("kind"), dtype=np.str_)
    if unknown := {*kinds.tolist()} - {"chemical", "electrical"}:
        raise FormatError(f"{path}: Type must be chemical or electrical, got {unknown.pop()!r}")
    counts = sparse.csr_array((len(ids), len(ids)), dtype=np.int64)
    if synapses != "electrical":
        counts = counts + _of_kind(path, table, kinds == "chemical", ids)
    if synapses != "chemical":
        gaps = _of_kind(path, table, kinds == "electrical", ids)
        counts = counts + gaps.maximum(gaps.T)
    if not autapses:
        counts = counts - sparse.diags_array(counts.diagonal(), dtype=np.int64)
    connectome = Connectome.of(
        "C. elegans" if synapses == "chemical" else f"C. elegans, {synapses} synapses",
        counts,
        ids,
        types=[kind for kind, _ in labels],
        classes=[label for _, label in labels],
        transmitters=[_TRANSMITTER_OF.get(kind, "") for kind, _ in labels],
        source="C. elegans hermaphrodite (Cook et al. 2019), herm_full_edgelist.csv of c302",
    )
    if cells == "all":
        return connectome
    kept = [*_CLASSES, "muscle"] if cells == "muscles" else [*_CLASSES]
    return connectome.take(np.isin(connectome.classes, kept))


def _installed() -> Path:
    # c302 itself is not imported: it drags in the whole of NeuroML
    try:
        return Path(str(distribution("c302").locate_file("c302/data/herm_full_edgelist.csv")))
    except PackageNotFoundError:
        raise MissingExtra(
            'c302 is not installed, whose edge list this is: run pip install "brainnn[worm]", or '
            "give the path of herm_full_edgelist.csv",
            name="c302",
        ) from None


def _of_kind(
    path: Path, table: dict[str, list[str]], chosen: NDArray[np.bool_], ids: list[str]
) -> sparse.csr_array:
    rows = np.flatnonzero(chosen)
    part = {use: [cells[row] for row in rows] for use, cells in table.items()}
    return sparse.csr_array(synapse_counts(path, part, ids))


def _identify(name: str) -> tuple[str, str]:
    """Type and class of a cell by its standard name."""
    if neuron := _NEURON.fullmatch(name):
        return neuron[1], _CLASS_OF[neuron[1]]
    if muscle := _MUSCLE.fullmatch(name):
        return next(part for part in muscle.groups() if part), "muscle"
    return name, ""
