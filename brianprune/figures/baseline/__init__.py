"""The unpruned network: accuracy, what it learned, how it errs."""

from . import accuracy, confusion, learning, passes, receptive_fields, search
from .scales import SCALES

__all__ = ["SCALES", "accuracy", "confusion", "learning", "passes", "receptive_fields", "search"]
