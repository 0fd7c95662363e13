"""The evaluation data: `load` a data set by name. Reading needs NumPy and Pillow, never torch.

``food11-mini`` ships with Assay; ``food11`` is the real set once `assay dataset import` has packed it.
"""

from __future__ import annotations

from grader.data.dataset import BUILT_IN, DataSet, NoSuchDataSet, Split, available, digest, load, name_for, use

__all__ = ["BUILT_IN", "DataSet", "NoSuchDataSet", "Split", "available", "digest", "load", "name_for", "use"]
