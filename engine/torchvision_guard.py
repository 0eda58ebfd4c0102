"""Lets torchvision import where its C++ operators do not match the installed torch.

With a CPU build of torch, the registry's torchvision (built against CUDA) cannot load its own
extension, and `import torchvision` then fails because two operators it decorates, ``nms`` and
``qnms``, were never declared. We use neither. Declaring their schemas first makes
`torchvision.models` and `pytorch_grad_cam` import; where the extension loads, nothing is declared.
Import this module before torchvision.
"""

import importlib.util
from pathlib import Path

import torch

_OPERATORS = ("nms", "qnms")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def _extension_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True  # nothing to guard: the import itself will say what is missing
    folder = Path(spec.submodule_search_locations[0])
    libraries = [*folder.glob("_C.so"), *folder.glob("_C.*.so"), *folder.glob("_C*.pyd")]
    try:
        for library in libraries:
            torch.ops.load_library(str(library))
    except OSError:
        return False
    return bool(libraries)


if not _extension_loads():
    for _name in _OPERATORS:
        if not hasattr(torch.ops.torchvision, _name):
            torch.library.define(f"torchvision::{_name}", _SCHEMA)

import torchvision  # noqa: E402

__all__ = ["torchvision"]
