"""The unpruned network: accuracy, what it learned, how it errs."""

from . import accuracy, confusion, learning, learning_rules, passes, receptive_fields, search
from .scales import SCALES

__all__ = [
    "SCALES",
    "accuracy",
    "confusion",
    "learning",
    "learning_rules",
    "passes",
    "receptive_fields",
    "search",
]
