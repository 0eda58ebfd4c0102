"""How fast the networks answer beside references, in one run, turn by turn.

    python benchmarks/inference_speed.py [--threads 2] [--repeats 15]

Needs `pip install -e .[benchmarks]`. Measures one view, image in memory to logits: the shipped
networks as the program asks them, the same networks under ONNX Runtime with as many threads, the
paper's lightweight network and a ResNet-50 at 224 x 224; and one view from an uncompressed file of
4096 x 3328 to its answer, scope gate included. Then, each in a fresh process, the memory that a
network adds to an interpreter with torch loaded.

"processor" is the time of all cores that the process used: with `--threads 1`, on a machine that is
busy with others, it tells more than the clock.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from engine.dicom.loading import load
from engine.networks.checkpoint import load_checkpoint, shipped_checkpoint
from engine.networks.ensemble import BOTH
from engine.networks.models import HYBRID, LIGHT, build_model
from engine.networks.packed import packed
from engine.networks.predictor import Predictor, use_threads
from engine.networks.torchvision_guard import torchvision
from tests.phantom import write_mammogram

_MEMORY = """
import sys, torch
def bytes_of(name):  # not getrusage: its peak is the parent's where that was higher
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))
torch.set_num_threads(2)
torch.zeros(1).sum()
start = bytes_of("VmRSS")
if sys.argv[1] in ("both", "hybrid", "light"):
    from engine.networks import ensemble
    from engine.networks.checkpoint import shipped_checkpoint
    from engine.networks.packed import packed
    members = ensemble.load(shipped_checkpoint(sys.argv[1])).optimized_for_inference().members
    for member in members:
        packed(member.model)
    asked = [(m.model.predict, (1, m.preprocessing.height, m.preprocessing.width)) for m in members]
elif sys.argv[1] == "paper":
    from engine.networks.models import build_model
    asked = [(build_model("light").eval().predict, (1, 224, 224))]
else:
    from engine.networks.torchvision_guard import torchvision
    asked = [(torchvision.models.resnet50().eval(), (3, 224, 224))]
with torch.inference_mode():
    for _ in range(3):
        for predict, frame in asked:
            predict(torch.rand(1, *frame))
print((bytes_of("VmRSS") - start) / 1e6, (bytes_of("VmHWM") - start) / 1e6)
"""


class _Logits(nn.Module):
    """ONNX wants tensors, not named tuples."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image):
        return self.model.predict(image).logits


def exported(model: nn.Module, image: torch.Tensor, threads: int):
    """The network as a function of a numpy image under ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(_Logits(model).eval(), image, path, dynamo=False, opset_version=17)
        session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: image.numpy()})


def from_file(name: str, folder: Path):
    """One view from its file to its answer, as the program asks it, without a heat-map."""
    (study,) = load([folder]).studies
    predictor = Predictor(name=name)
    return lambda: predictor.predict_study(study)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_mammogram(Path(folder) / "RMLO.dcm", view="MLO", rows=4096, columns=3328)
        measure(arguments, Path(folder))


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    use_threads(arguments.threads)

    candidates = {}
    for name in (HYBRID, LIGHT):
        checkpoint = load_checkpoint(shipped_checkpoint(name))
        fast = packed(checkpoint.optimized_for_inference().model)
        frame = (checkpoint.preprocessing.height, checkpoint.preprocessing.width)
        image = torch.rand(1, 1, *frame)
        candidates[f"{name}, as asked"] = lambda fast=fast, image=image: fast.predict(image)
        candidates[f"{name}, ONNX Runtime"] = exported(checkpoint.model, image, arguments.threads)
        candidates[f"{name}, from a file"] = from_file(name, folder)
    candidates[f"{BOTH}, from a file"] = from_file(BOTH, folder)
    small = torch.rand(1, 1, 224, 224)
    own, resnet = build_model(LIGHT).eval(), torchvision.models.resnet50().eval()
    candidates["the paper's lightweight network"] = lambda: own(small)
    candidates["ResNet-50, 224 x 224"] = lambda: resnet(small.expand(-1, 3, -1, -1))

    taken: dict[str, list[float]] = {name: [] for name in candidates}
    spent: dict[str, list[float]] = {name: [] for name in candidates}
    with torch.inference_mode():
        for turn in range(arguments.repeats + 2):
            for name, ask in candidates.items():
                time.sleep(0.3)  # until the last one's threads have given up spinning for more
                start, processor = time.perf_counter(), time.process_time()
                ask()
                if turn > 1:  # the first two warm up
                    taken[name].append(time.perf_counter() - start)
                    spent[name].append(time.process_time() - processor)
    lines = ["| one view | median, ms | fastest, ms | processor, ms |", "| --- | --- | --- | --- |"]
    for name, seconds in taken.items():
        times = np.median(seconds), min(seconds), np.median(spent[name])
        lines.append(" | ".join([f"| {name}", *(f"{1e3 * t:.1f}" for t in times)]) + " |")
    lines += ["", "| memory added | resident, MB | at its peak, MB |", "| --- | --- | --- |"]
    added = {}
    for name in (BOTH, HYBRID, LIGHT, "paper", "resnet"):
        done = subprocess.run(
            [sys.executable, "-c", _MEMORY, name], capture_output=True, text=True, check=True
        )
        resident, peak = map(float, done.stdout.split())
        lines.append(f"| {name} | {resident:.0f} | {peak:.0f} |")
        added[name] = peak
    median = {name: np.median(seconds) for name, seconds in taken.items()}
    onnx = median[f"{HYBRID}, as asked"] / median[f"{HYBRID}, ONNX Runtime"]
    paper, light = (added["resnet"] / added[name] for name in ("paper", LIGHT))
    lines += [
        "",
        "| aim | measured |",
        "| --- | --- |",
        f"| hybrid no slower than under ONNX Runtime | {onnx:.2f} x its time |",
        f"| light at most 0.1 s a view | {median[f'{LIGHT}, as asked']:.3f} s |",
        f"| light adds at most 127 MB | {added[LIGHT]:.0f} MB at its peak |",
        f"| 3.5 x less memory than a ResNet-50 (paper's claim) | the paper's network "
        f"{paper:.1f} x, light {light:.1f} x |",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
