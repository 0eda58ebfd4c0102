"""A checkpoint is a network with all it needs to predict: one safetensors file.

Weights (float16) and, in the file's header, the architecture, the preprocessing, the calibration,
the heat-map's reference and where it all came from. safetensors holds no code; a shipped file is
also held against the sha-256 in resources/checkpoints/manifest.json before it is used.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from engine import shipped
from engine.domain import ModelIdentity
from engine.errors import IncompatibleCheckpoint, InvalidData
from engine.messages import Message, message
from engine.networks.calibration import Calibration
from engine.networks.models import (
    HYBRID,
    LIGHT,
    Network,
    NetworkOutput,
    WithoutStart,
    build_model,
    optimized_for_inference,
)
from engine.networks.preprocessing import PreprocessingConfig
from resources import ROOT

FORMAT = 1
SHIPPED_FOLDER = ROOT / "checkpoints"
_HEADER_KEY = "birads-viewer"
_SIZE_LIMIT = 1 << 30  #: bytes; ours are under 60 MB
_FRAME_LIMIT = 8192  #: pixels a side of a network's input


@dataclass(frozen=True)
class Checkpoint:
    """A network ready to predict, in evaluation mode and float32."""

    model: Network
    identity: ModelIdentity
    preprocessing: PreprocessingConfig
    calibration: Calibration
    heat_reference: float  #: the raw Grad-CAM value drawn as 1; see `engine.networks.gradcam`
    provenance: dict[str, Any]  #: data, counts, configuration, hashes of training patients

    def optimized_for_inference(self) -> "Checkpoint":
        """For prediction, not for saving: the same network, rearranged for speed."""
        return replace(self, model=optimized_for_inference(self.model))

    @property
    def members(self) -> tuple["Checkpoint", ...]:
        """Whose predictions are `combined`: its own alone. An `Ensemble` has several."""
        return (self,)

    def combined(self, outputs: Sequence[NetworkOutput]) -> NetworkOutput:
        (output,) = outputs
        return output


def shipped_checkpoint(name: str) -> Path:
    """The file shipped under that name; raises `IncompatibleCheckpoint` if there is none."""
    return SHIPPED_FOLDER / _shipped(name)["file"]


def _shipped(name: str) -> dict[str, str]:
    try:
        return shipped.entries(SHIPPED_FOLDER / "manifest.json")[name]
    except (OSError, ValueError, KeyError) as error:
        raise IncompatibleCheckpoint(
            message("Network not installed"),
            message(
                "No checkpoint named {name} came with this installation; install it again.",
                name=name,
            ),
        ) from error


def save_checkpoint(
    path: Path,
    name: str,
    model: Network,
    preprocessing: PreprocessingConfig,
    calibration: Calibration,
    heat_reference: float,
    provenance: dict[str, Any],
) -> str:
    """Writes the file in one step and returns its sha-256."""
    header = {
        "name": name,
        "architecture": model.architecture,
        "preprocessing": asdict(preprocessing),
        "calibration": calibration.to_json(),
        "heat_reference": heat_reference,
        "provenance": provenance,
    }
    return write_file(path, header, model.state_dict())


def write_file(path: Path, header: dict[str, Any], weights: dict[str, torch.Tensor]) -> str:
    """Weights as float16 with `header` (JSON) in one step; returns the file's sha-256."""
    weights = {
        key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in weights.items()
    }
    header = {"format": FORMAT, **header}
    return write_at_once(path, save(weights, {_HEADER_KEY: json.dumps(header)}))


def write_at_once(path: Path, data: bytes) -> str:
    """Never leaves half a file; returns its sha-256."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)
    return hashlib.sha256(data).hexdigest()


def load_checkpoint(path: Path) -> Checkpoint:
    """Raises `IncompatibleCheckpoint` for a file that is missing, damaged or not one of ours."""
    return _assemble(path, *read_file(path))


def training_patients(path: Path) -> frozenset[str]:
    """Hashes of the patients that a file of ours was trained on; of any other weights, none."""
    try:
        with safe_open(path, "pt") as stream:
            header = json.loads((stream.metadata() or {}).get(_HEADER_KEY, "{}"))
        return frozenset(header.get("provenance", {}).get("training_patients", ()))
    except (OSError, SafetensorError, ValueError, AttributeError, TypeError):
        return frozenset()


def read_file(path: Path) -> tuple[str, dict[str, Any], dict[str, torch.Tensor]]:
    """Its sha-256, checked where the file is a shipped one, its header and its weights.

    Raises `IncompatibleCheckpoint` for a file that is missing, damaged or of another format.
    """
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise refused(path, message("it is larger than any checkpoint of ours"))
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        check_shipped_hash(path, digest)
        with safe_open(path, "pt") as stream:
            metadata = stream.metadata() or {}
            header = json.loads(metadata[_HEADER_KEY])
            weights = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    except OSError as error:
        raise refused(path, message("it cannot be read")) from error
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        raise refused(path, message("it is truncated or not one of ours")) from error
    if not isinstance(header, dict) or "format" not in header:
        raise refused(path, message("it is truncated or not one of ours"))
    if header["format"] != FORMAT:
        raise refused(
            path,
            message(
                "its format is {format}, this program reads {known}",
                format=str(header["format"]),
                known=FORMAT,
            ),
        )
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise refused(path, message("not all of its weights are numbers"))
    return digest, header, weights


def _assemble(
    path: Path, digest: str, header: dict[str, Any], weights: dict[str, torch.Tensor]
) -> Checkpoint:
    try:
        name = header["name"]
        if name not in (HYBRID, LIGHT):
            raise refused(path, message("its architecture is unknown"))
        preprocessing = PreprocessingConfig(**header["preprocessing"])
        if not all(0 < n <= _FRAME_LIMIT for n in (preprocessing.height, preprocessing.width)):
            raise refused(path, message("its input size is out of range"))
        with WithoutStart():
            model = build_model(name, **header["architecture"])
        model.check_frame(preprocessing.height, preprocessing.width)
        model.load_state_dict(weights)  # which makes float32 of the file's float16
        calibration = Calibration.from_json(header["calibration"])
        if len(calibration.view.offsets) != len(model.categories):
            raise refused(path, message("its calibration is for other categories"))
        heat_reference = float(header["heat_reference"])
        if not 0 < heat_reference < float("inf"):
            raise refused(path, message("its heat-map has no scale"))
        return Checkpoint(
            model=model.eval(),
            identity=ModelIdentity(name, digest, model.categories, calibration.population),
            preprocessing=preprocessing,
            calibration=calibration,
            heat_reference=heat_reference,
            provenance=dict(header["provenance"]),
        )
    except InvalidData as error:
        raise refused(
            path, message("its network cannot take frames of the size it names")
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise refused(path, message("its weights do not fit the architecture it names")) from error


def read_bounded(path: Path, limit: int) -> tuple[bytes, str]:
    """A file of at most `limit` bytes and its sha-256; raises `IncompatibleCheckpoint`."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise refused(path, message("it cannot be read")) from error
    if len(data) > limit:
        raise refused(path, message("it is larger than any checkpoint of ours"))
    return data, hashlib.sha256(data).hexdigest()


def check_shipped_hash(path: Path, digest: str) -> None:
    """A file of the shipped folder must be, to the byte, the one the manifest names; also where
    it is a link, wherever that leads: what counts is by which door it was asked.
    """
    if path.parent.resolve() != SHIPPED_FOLDER.resolve():
        return
    known = shipped.entries(SHIPPED_FOLDER / "manifest.json").values()
    if digest not in {entry["sha256"] for entry in known if entry["file"] == path.name}:
        raise refused(path, message("its sha-256 is not the one it was shipped with"))


def refused(path: Path, why: Message) -> IncompatibleCheckpoint:
    return IncompatibleCheckpoint(
        message("Checkpoint refused"),
        message(
            "{name}: {why}. Install the program again or choose another.", name=path.name, why=why
        ),
    )
