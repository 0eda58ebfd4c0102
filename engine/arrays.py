"""What numpy arrays are called in annotations; shapes and units stand in the docstrings."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of whatever type of number the docstring says
FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
