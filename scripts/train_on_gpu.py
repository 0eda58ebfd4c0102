"""Trains on a machine that has a GPU and nothing else of ours (docs/gpu_training.md).

    python scripts/train_on_gpu.py pack --data images.csv --weights resnet50.safetensors --out PACK
    python train_on_gpu.pyz join PACK/round0 --out HERE
    python train_on_gpu.pyz train HERE hybrid --weights resnet50.safetensors --out RUNS --send OUT
    python scripts/train_on_gpu.py collect OUT/round0 --out runs/NAME
    python scripts/train_on_gpu.py all hybrid --data images.csv --weights … --out runs/NAME

`pack` makes all frames, starting weights and this program into rounds, each small enough for one
transfer. `train` trains five folds and the final network within a number of minutes that it is
given: it measures the first steps and chooses the number of epochs. `collect` lays out what came
back as `birads-engine out-of-fold` wants it. `all` packs and trains on one machine.
"""

import argparse
import json
import os
import shutil
import sys
import time
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = (
    "__init__.py",
    "pieces.py",
    "train_on_gpu.py",
)  # of scripts/, what runs on the GPU's machine
sys.path.insert(0, str(ROOT))

from engine.errors import EngineError, InvalidData  # noqa: E402
from scripts import pieces  # noqa: E402  what needs more is imported where it does: `join` does not

STARTED = time.monotonic()
MIB = pieces.MIB
FRAMES, PROGRAM, RESULTS = "frames.pack", "train_on_gpu.pyz", "results.zip"
PLAN, REPORT = "plan.json", "report.json"
_SHARE = 0.92  #: of the time left that is planned: measured steps are not the whole of an epoch
_SECONDS_EACH = 4.0  #: a network's start and end beside its steps: building, saving, curves
_SAVE_SECONDS = 60.0  #: between two states on the disk: one of the hybrid's has 400 MB


def presets() -> dict:
    """What differs from the engine's presets: larger batches, rates with them (by the square root),
    and layers that stay frozen on a CPU. Estimates; no GPU has chosen them."""
    from engine.networks.models import HYBRID, LIGHT
    from engine.training.config import PRESETS

    return {
        HYBRID: replace(
            PRESETS[HYBRID],
            batch=16,
            head_rate=7e-4,
            whole_head_rate=5.5e-4,
            backbone_rate=2e-4,
            lower_rate=2e-5,
        ),
        LIGHT: replace(
            PRESETS[LIGHT],
            batch=32,
            head_rate=1.4e-3,
            whole_head_rate=1e-3,
            backbone_rate=5e-4,
            lower_rate=1e-4,
        ),
    }


# ------------------------------------------------------------------------------------------- pack


def pack(arguments: argparse.Namespace) -> None:
    """PACK/frames.pack, and PACK/round0 … with it, the weights and the program."""
    from engine.networks.models import build_model
    from engine.networks.preprocessing import PreprocessingConfig
    from engine.training import dataset, frame_pack

    for name, config in presets().items():  # before minutes are spent on frames for nobody
        network = build_model(name, **config.architecture)
        network.check_frame(arguments.height, arguments.width)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    frames = out / FRAMES
    source = dataset.read(arguments.data)
    quality = frame_pack.write_pack(
        source,
        PreprocessingConfig(height=arguments.height, width=arguments.width),
        frames,
        int(arguments.mib * MIB),
        _progress,
        arguments.codec,
    )
    size = frames.stat().st_size
    _say(
        f"{len(source.rows)} frames as {arguments.codec} of quality {quality}: {size / MIB:.1f} MiB"
    )
    if arguments.command == "all":
        return
    program = out / PROGRAM
    write_program(program)
    for old in out.glob("round*"):
        shutil.rmtree(old)
    count = pieces.cut(
        {FRAMES: frames, **{path.name: path for path in arguments.weights}},
        out,
        piece_bytes=int(arguments.round_mib * MIB) // 8,
        round_bytes=int(arguments.round_mib * MIB) - program.stat().st_size,
        round_files=64,
    )
    for number in range(count):
        shutil.copyfile(program, out / f"round{number}" / PROGRAM)
        size = sum(path.stat().st_size for path in (out / f"round{number}").iterdir())
        _say(f"{out / f'round{number}'}: {size / MIB:.1f} MiB")


def write_program(path: Path) -> None:
    """This program and the engine's source as one file that Python runs."""
    sources = [*(ROOT / "engine").rglob("*.py"), *(ROOT / "scripts" / name for name in OURS)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in [*sorted(sources), ROOT / "resources" / "__init__.py"]:
            archive.write(source, source.relative_to(ROOT).as_posix())
        archive.writestr(
            "__main__.py", "import sys\nfrom scripts.train_on_gpu import main\nsys.exit(main())\n"
        )


def join(arguments: argparse.Namespace) -> None:
    there, lacking = pieces.join(arguments.folders, arguments.out)
    _say(f"complete: {', '.join(there) or 'nothing'}")
    if lacking:
        _say(f"waiting for more rounds: {', '.join(lacking)}")


# ------------------------------------------------------------------------------------------ train


@dataclass
class Plan:
    """How the time is shared out; kept beside the runs, so that a resumed training follows it."""

    epochs: int  #: of stage two, for each network that has not been trained
    head_step: float  #: seconds, measured
    whole_step: float
    answer: float  #: seconds to predict one row


class _Trainer:
    """All networks of one pack, one after the other on one device."""

    def __init__(self, arguments: argparse.Namespace, frames: Path, config) -> None:
        import torch

        from engine.training import frame_pack
        from engine.training.distributed import DistributedContext

        self.out: Path = arguments.out
        self.weights: Path | None = arguments.weights
        self.resume, self.most_epochs = arguments.resume, arguments.epochs
        self.end = STARTED + 60 * arguments.minutes
        self.device = DistributedContext().device
        torch.backends.cudnn.benchmark = True  # every batch has one shape
        torch.set_float32_matmul_precision("high")
        self.pack = frame_pack.read_pack(frames, threads=os.cpu_count() or 1)
        self.live = self.pack.on(self.device)
        self.config = replace(config, preprocessing=self.pack.preprocessing)
        self.rows = self.pack.source.rows
        self.networks = [*sorted({r.fold for r in self.rows if r.fold is not None}), None]
        self.report: dict = {"torch": torch.__version__, "device": self._device_name()}

    def _device_name(self) -> str:
        import torch

        return torch.cuda.get_device_name() if self.device.type == "cuda" else "CPU"

    def run(self) -> bool:
        """Trains what is not yet there; False where the time ended before that."""
        from engine.training.trainer import TimeIsUp

        self.out.mkdir(parents=True, exist_ok=True)
        _say(f"{len(self.rows)} frames on {self.report['device']}, {self._spent():.0f} s")
        plan = self._plan()
        self.report |= {"seconds_to_first_step": self._spent(), "networks": {}}
        is_whole = True
        for number, fold in enumerate(self.networks):
            if not self.resume:  # a resumed network must end as it was begun
                affordable = self._affordable(plan, self.networks[number:])
                plan.epochs = max(1, min(plan.epochs, affordable))
            (self.out / PLAN).write_text(json.dumps(asdict(plan), indent=1))
            try:
                self._one(fold, plan.epochs)
            except TimeIsUp as stop:
                _say(f"{_name(fold)}: {stop}")
                is_whole = False
                break
        self.report |= {"plan": asdict(plan), "seconds": self._spent(), "is_whole": is_whole}
        if self.device.type == "cuda":
            import torch

            self.report["peak_gib"] = torch.cuda.max_memory_allocated() / 1024**3
        (self.out / REPORT).write_text(json.dumps(self.report, indent=1))
        return is_whole

    def _spent(self) -> float:
        return time.monotonic() - STARTED

    def _plan(self) -> Plan:
        kept = self.out / PLAN
        if self.resume and kept.is_file():
            return Plan(**json.loads(kept.read_text("utf-8")))
        from engine.training.training import seconds_per_step

        head, whole = seconds_per_step(self.config, self.pack.source, self.live, self.weights)
        plan = Plan(self.most_epochs, head, whole, self._seconds_per_answer())
        affordable = self._affordable(plan, self.networks)
        _say(
            f"a step takes {head:.3f} s with frozen layers, {whole:.3f} s whole "
            f"({self.config.batch / whole:.0f} frames/s); there is time for {affordable} epochs"
        )
        if affordable < 1:
            raise InvalidData(
                "Too little time",
                "There is none for one epoch of every network: allow more minutes, or pack a "
                "smaller frame.",
            )
        plan.epochs = min(self.most_epochs, affordable)
        return plan

    def _seconds_per_answer(self) -> float:
        """Of one row, in the batches of `predict_packed`."""
        import numpy as np
        import torch

        from engine.networks.models import build_model, optimized_for_inference

        model = optimized_for_inference(
            build_model(self.config.name, **self.config.architecture).eval()
        )
        model.to(self.device)
        rows = np.arange(min(16, len(self.rows)))
        start = 0.0
        for _ in range(3):  # two to warm up
            self._finish()
            start = time.monotonic()
            images, _ = self.live.draw(
                rows, np.zeros(len(rows), int), self.config.augmentation, self.config.preprocessing
            )
            with torch.inference_mode():
                model.predict(images)
            self._finish()
        return (time.monotonic() - start) / len(rows)

    def _finish(self) -> None:
        import torch

        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def _affordable(self, plan: Plan, networks: list[int | None]) -> int:
        """Epochs of stage two for which the time left is enough, the same for all networks."""
        fixed = epoch = 0.0
        for fold in networks:
            held = sum(row.fold == fold for row in self.rows) if fold is not None else 0
            steps = max(1, (len(self.rows) - held) // self.config.batch)
            fixed += _SECONDS_EACH + 2 * held * plan.answer
            fixed += self.config.head_epochs * steps * plan.head_step
            epoch += steps * plan.whole_step
        return int(((self.end - time.monotonic()) * _SHARE - fixed) / epoch)

    def _one(self, fold: int | None, epochs: int) -> None:
        from engine.evaluation.fold_predictions import predict_packed
        from engine.training.trainer import Pace
        from engine.training.training import train

        run_dir = self.out if fold is None else self.out / f"fold{fold}"
        start, checkpoint = time.monotonic(), run_dir / "checkpoint.safetensors"
        if not (self.resume and checkpoint.is_file()):
            train(
                replace(self.config, whole_epochs=epochs),
                self.pack.source,
                self.out,
                self.weights,
                fold,
                self.resume,
                lambda epoch, total: _say(
                    f"{_name(fold)}: epoch {epoch.number} of {total}, loss {epoch.loss:.3f}, "
                    f"{epoch.seconds:.1f} s; {self._spent():.0f} s in all"
                ),
                live=self.live,
                pace=Pace(_SAVE_SECONDS, watches_held_out=False, deadline=self.end),
            )
            (run_dir / "state.pt").unlink(missing_ok=True)
        if fold is not None:
            predict_packed(run_dir, fold, self.pack, self.live)
        self.report["networks"][_name(fold)] = {
            "epochs": epochs,
            "seconds": time.monotonic() - start,
        }


def _name(fold: int | None) -> str:
    return "final" if fold is None else f"fold{fold}"


def train_packed(arguments: argparse.Namespace) -> bool:
    """RUNS as `birads-engine train` would leave it, with predictions.npz in every fold."""
    from engine.training.config import read_config

    frames = arguments.frames / FRAMES
    if arguments.weights is not None and not arguments.weights.is_file():
        arguments.weights = arguments.frames / arguments.weights.name  # as `join` left it
    config = read_config(arguments.model, arguments.config, presets()[arguments.model])
    trainer = _Trainer(arguments, frames, config)
    if arguments.weights is None:
        _say("no --weights given: the network starts untrained")
    is_whole = trainer.run()
    if getattr(arguments, "send", None):
        arguments.runs, arguments.round = arguments.out, 0
        send(arguments)
    return is_whole


# ---------------------------------------------------------------------------------- back and forth


def send(arguments: argparse.Namespace) -> None:
    """One round of pieces of what RUNS holds: figures and the final network first, then folds."""
    runs: Path = arguments.runs
    small = [
        path
        for pattern in ("*.json", "fold*/*.json", "curves.*", "fold*/curves.*", "fold*/*.npz")
        for path in sorted(runs.glob(pattern))
    ]
    with zipfile.ZipFile(runs / RESULTS, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in small:
            info = zipfile.ZipInfo(path.relative_to(runs).as_posix())  # no dates: rounds must match
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    files = {RESULTS: runs / RESULTS}
    for path in (runs / "checkpoint.safetensors", *sorted(runs.glob("fold*/*.safetensors"))):
        if path.is_file():
            files[path.relative_to(runs).as_posix()] = path
    count = pieces.cut(
        files,
        arguments.send,
        int(arguments.piece_mib * MIB),
        int(arguments.round_mib * MIB),
        arguments.round_files,
        only=arguments.round,
    )
    _say(f"round {arguments.round} of 0 to {count - 1} is in {arguments.send}")


def collect(arguments: argparse.Namespace) -> None:
    """Joins rounds under RUNS, lays out the small files, and says what is still to come."""
    out: Path = arguments.out
    there, lacking = pieces.join(arguments.folders, out)
    if RESULTS in there:
        with zipfile.ZipFile(out / RESULTS) as archive:
            archive.extractall(out)  # leaves out whatever would lead outside
    _say(f"complete: {', '.join(there) or 'nothing'}")
    if lacking:
        _say(f"still to come: {', '.join(lacking)}")
    predicted = sorted(path.parent.name for path in out.glob("fold*/predictions.npz"))
    if predicted and (out / "checkpoint.safetensors").is_file():
        _say(f"{', '.join(predicted)} are predicted; `birads-engine out-of-fold` can assemble them")


def pack_and_train(arguments: argparse.Namespace) -> bool:
    arguments.frames = arguments.out
    if not (arguments.resume and (arguments.out / FRAMES).is_file()):
        pack(arguments)
    return train_packed(arguments)


# ------------------------------------------------------------------------------------ command line


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _progress(what: str, done: int, total: int) -> None:
    if done % 200 == 0 or done == total:
        _say(f"{what}: {done} of {total}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def frame_options(command) -> None:
        command.add_argument("--data", type=Path, required=True, help="images.csv with folds")
        command.add_argument("--height", type=int, default=800, help="of the frame, in pixels")
        command.add_argument("--width", type=int, default=512)
        command.add_argument(
            "--mib", type=float, default=60.0, help="for all frames; decides their quality"
        )
        command.add_argument(
            "--codec",
            choices=("jpg", "webp", "avif"),
            default="jpg",
            help="avif keeps most, where OpenCV can read it at the other end",
        )

    def training_options(command) -> None:
        command.add_argument("--weights", type=Path, help="starting weights, as train --backbone")
        command.add_argument("--config", type=Path, help="JSON with the fields to change")
        command.add_argument("--minutes", type=float, default=9.0, help="for everything")
        command.add_argument("--epochs", type=int, default=20, help="of stage two, at the most")
        command.add_argument("--resume", action="store_true", help="go on where it stopped")

    def round_options(command) -> None:
        command.add_argument("--piece-mib", type=float, default=15.0, help="of one file")
        command.add_argument("--round-mib", type=float, default=62.0, help="of one transfer")
        command.add_argument("--round-files", type=int, default=8, help="of one transfer")

    command = commands.add_parser("pack", help="frames, weights and program, ready to be carried")
    frame_options(command)
    command.add_argument("--weights", type=Path, nargs="*", default=[], help="to carry along")
    command.add_argument("--round-mib", type=float, default=45.0, help="of one transfer")
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(run=pack)

    command = commands.add_parser("join", help="put carried rounds together")
    command.add_argument("folders", type=Path, nargs="+")
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(run=join)

    command = commands.add_parser("train", help="all folds and the final network")
    command.add_argument("frames", type=Path, help="folder that holds frames.pack")
    command.add_argument("model", choices=("hybrid", "light"))
    training_options(command)
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--send", type=Path, help="also cut the first round of results into this")
    round_options(command)
    command.set_defaults(run=train_packed)

    command = commands.add_parser("send", help="cut a round of results")
    command.add_argument("runs", type=Path)
    command.add_argument("--send", type=Path, required=True)
    command.add_argument("--round", type=int, default=0)
    round_options(command)
    command.set_defaults(run=send)

    command = commands.add_parser("collect", help="put rounds of results together")
    command.add_argument("folders", type=Path, nargs="+")
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(run=collect)

    command = commands.add_parser("all", help="pack and train on this machine")
    command.add_argument("model", choices=("hybrid", "light"))
    frame_options(command)
    training_options(command)
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(run=pack_and_train)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """0: all is done; 1: it cannot be; 3: the time ended first, `--resume` goes on."""
    given = _parser().parse_args(arguments)
    try:
        return 3 if given.run(given) is False else 0
    except (EngineError, pieces.PiecesError) as error:
        _say(str(error))
    except RuntimeError as error:
        if type(error).__name__ == "OutOfMemoryError":
            _say('The GPU\'s memory is too small: say {"batch": 8} in --config.')
        raise
    return 1


if __name__ == "__main__":
    sys.exit(main())
