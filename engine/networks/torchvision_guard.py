"""Lets torchvision import where its C++ operators do not match the installed torch, and sooner.

With a CPU build of torch, the registry's torchvision (built against CUDA) cannot load its own
extension, and `import torchvision` then fails because two operators it decorates, ``nms`` and
``qnms``, were never declared. We use neither. Declaring their schemas first makes
`torchvision.models` and `pytorch_grad_cam` import; where the extension loads, nothing is declared.

Its `ops.roi_align`, which we do not use either, imports all of torch's compiler (1.3 s and 80 MB)
to ask one question. The answer here is no, and the compiler stays away until someone wants it.
Import this module before torchvision.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

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
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]  # torch's own
    except OSError:
        return False
    return bool(libraries)


if not _extension_loads():
    for _name in _OPERATORS:
        if not hasattr(torch.ops.torchvision, _name):
            torch.library.define(f"torchvision::{_name}", _SCHEMA)


@contextmanager
def _no_compiler() -> Iterator[None]:
    if "torch._dynamo" in sys.modules:
        yield
        return
    package, utils = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    utils.__dict__["is_compile_supported"] = lambda _device_type: False
    stand_ins = {module.__name__: module for module in (package, utils)}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]


with _no_compiler():
    import torchvision

__all__ = ["torchvision"]
