"""What every `export` verb is told: which weights, which format, which file."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENDINGS", "ExportConfig"]

ENDINGS = {"onnx": ".onnx", "torch": ".pt2"}
"""What the name of a file ends in, by format."""


@dataclass
class ExportConfig:
    """What every `export` verb is told.

    Attributes:
        weights: What to export, as the other verbs of the command take it.
        format: "onnx" for onnxruntime and others, "torch" for a program of torch.export, or "both".
        output: File to write; its ending, .onnx or .pt2, is put on where it is missing. None is a
            file in the directory of the run.

    Raises:
        ValueError: The format is unknown, or the output's ending is another format's.
    """

    weights: str = "pretrained"
    format: str = "both"
    output: str | None = None

    def __post_init__(self) -> None:
        if self.format not in (*ENDINGS, "both"):
            raise ValueError(f"format must be onnx, torch or both, got {self.format!r}")
        ending = Path(self.output or "").suffix
        if ending in ENDINGS.values() and ending != ENDINGS.get(self.format):
            wanted = ENDINGS.get(self.format, "neither .onnx nor .pt2")
            raise ValueError(
                f"output must end in {wanted} for format={self.format}, or leave the ending out, "
                f"got {self.output!r}"
            )

    def paths(self, default: Path) -> dict[str, Path]:
        """Where each format goes.

        Args:
            default: Path without ending that is taken where no output was named.
        """
        kinds = ENDINGS if self.format == "both" else (self.format,)
        stem = str(default) if self.output is None else self.output
        return {kind: Path(stem.removesuffix(ENDINGS[kind]) + ENDINGS[kind]) for kind in kinds}
