"""Network models: equation strings and their default parameters."""

from .diehl_cook import DiehlCook

__all__ = ["DiehlCook"]
