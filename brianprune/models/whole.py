"""The function of fixed-point equations that Brian2 does not have."""

import numpy as np
from brian2 import Function

__all__ = ["NAMESPACE"]

#: Brian2's own floor gives whole numbers of 32 bits on the numpy target, which wrap around.
WHOLE = Function(np.floor, arg_units=[1], return_unit=1)
WHOLE.implementations.add_implementation(
    "cpp", "static inline double whole(const double x) { return floor(x); }", name="whole"
)
WHOLE.implementations.add_implementation(
    "cython", "cdef double whole(double x):\n    return floor(x)\n", name="whole"
)
#: What the strings below use beside variables.
NAMESPACE = {"whole": WHOLE}
