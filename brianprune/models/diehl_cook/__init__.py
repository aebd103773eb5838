"""The winner-take-all network: parameters, equations, circuit, and its fixed-point datapath."""

from .parameters import DiehlCook

__all__ = ["DiehlCook"]
