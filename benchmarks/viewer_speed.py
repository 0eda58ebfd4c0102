"""How fast the viewer answers the hand, beside other programs in the same run.

    PYTHONPATH=. QT_QPA_PLATFORM=offscreen python benchmarks/viewer_speed.py [PART …] [--quick]

Needs `pip install -e .[benchmarks]`, and for two references DCMTK's programs (Debian: dcmtk).
Parts: `frames` (window drag, zoom, pan), `opening` (time to the first image), `stalls` (the longest
silence of the window during a batch), `memory` (over many studies), `worklist` (search, filter and
order of 1,000 studies), `flood` (the silence while studies are pushed), `folder` (the same while a
large folder is opened). Without a part all are run; each in a process of its own, so that none
inherits another's memory. `--quick` takes minutes off and is not what docs/benchmarks.md shows.
"""

import argparse
import importlib
import subprocess
import sys
from types import ModuleType

PARTS = {"frames": "frame_times", "opening": "opening_times"}
PARTS |= {"stalls": "gui_stalls", "memory": "memory_growth", "worklist": "worklist_speed"}
PARTS |= {"flood": "flood_stalls", "folder": "folder_stalls"}
# frames, repeats, studies
SIZES = {"frames": 60, "opening": 9, "stalls": 50, "memory": 200, "worklist": 1000, "flood": 500}
SIZES |= {"folder": 400}
QUICK = {"frames": 10, "opening": 2, "stalls": 6, "memory": 20, "worklist": 1000, "flood": 40}
QUICK |= {"folder": 100}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(unknown)}")
    if len(arguments.parts) == 1:
        _run(arguments.parts[0], QUICK if arguments.quick else SIZES)
        return
    for part in arguments.parts or PARTS:
        quick = ["--quick"] if arguments.quick else []
        subprocess.run([sys.executable, __file__, part, *quick], check=True)


def _run(part: str, sizes: dict[str, int]) -> None:
    from PySide6.QtWidgets import QApplication

    from viewer.shared import theme

    app = QApplication(sys.argv[:1])
    app.setApplicationName("birads-viewer benchmark")
    theme.apply(app)
    module: ModuleType = importlib.import_module(PARTS[part])
    result = module.measure(sizes[part], _say)
    sys.stdout.write("\n".join([f"\n## {part}\n", *module.table(result)]) + "\n")
    sys.stdout.flush()


def _say(progress: str) -> None:
    sys.stderr.write(progress + "\n")


if __name__ == "__main__":  # the engine's child imports this file anew
    main()
