"""Spikes that a run is given in whole time steps."""

import numpy as np

__all__ = ["StepSpikes"]


class StepSpikes:
    """Spikes in whole time steps, sorted by step and then by neuron; they may be made when they are needed.

    Parameters
    ----------
    recipe : Recipe or None
        What they are made of.
    indices, steps : arrays of int32, optional
        Without a recipe: the spikes. A run looks at their order and at the neurons.
    sizes : array of int64, optional
        How many spikes each of `steps` has. Default: one each.

    Raises
    ------
    TypeError, ValueError
        If they are times, or of another type, or not as many.
    """

    def __init__(self, recipe, indices=None, steps=None, sizes=None):
        self.recipe = recipe
        self._given = None
        if recipe is None:
            self._given = self._in_steps(indices, steps, sizes)

    def _in_steps(self, indices, steps, sizes):
        given = {"indices": (indices, np.int32), "steps": (steps, np.int32)}
        if sizes is not None:
            given["sizes"] = sizes, np.int64
        for name, (array, dtype) in given.items():
            if not (type(array) is np.ndarray and array.dtype == dtype):
                raise TypeError(
                    f"StepSpikes: {name} = {np.asarray(array)!r}: must be an array of {dtype.__name__}; spikes with"
                    " times are given to a run as (indices, times)"
                )
        one_each = sizes is None
        shapes = steps.shape if one_each else (int(sizes.sum()),)
        if indices.ndim != 1 or indices.shape != shapes:
            raise ValueError(f"StepSpikes: {indices.shape} indices, {shapes} steps")
        if one_each:
            first = np.flatnonzero(np.diff(steps, prepend=steps[:1] - 1))
            return indices, steps[first], np.diff(first, append=len(steps))
        if steps.shape != sizes.shape or steps.ndim != 1 or np.any(sizes < 1):
            raise ValueError(
                f"StepSpikes: {steps.shape} steps of {sizes.shape} sizes: must be as many, each at least 1"
            )
        return indices, steps, sizes

    def by_step(self):
        """Return the spikes step by step.

        Returns
        -------
        indices : array of int32, shape (spikes,)
        steps : array of int32
            Each once.
        sizes : array of int64
            How many spikes each step has.
        """
        if self._given is None:
            self._given = self._in_steps(*self.recipe.spikes(), None)
        return self._given

    def __iter__(self):
        indices, steps, sizes = self.by_step()
        return iter((indices, np.repeat(steps, sizes)))
