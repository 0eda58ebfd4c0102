"""Files the program carries: checkpoints, icons, style sheet, licences, self-test samples."""

from pathlib import Path

ROOT = Path(__file__).parent  #: holds in a checkout, an installed wheel and a PyInstaller bundle
