"""What pyproject.toml cannot say: a wheel brings the manual, which lies in docs/."""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))
from scripts.manual_files import manual_files  # noqa: E402


class WithManual(build_py):
    def run(self):
        super().run()
        if self.editable_mode:  # then it is read where it lies
            return
        for file, folder in manual_files(ROOT):
            target = Path(self.build_lib, "resources", folder)
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)


setup(cmdclass={"build_py": WithManual})
