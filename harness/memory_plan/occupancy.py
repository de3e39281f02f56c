"""Which shared objects are free while a tensor lives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.memory_plan.arrays import Integers, TensorArrays

NO_OBJECT = -1


class Occupancy:
    """The object of each tensor so far (`owner`, in task order) and the objects' sizes."""

    def __init__(self, tensors: TensorArrays) -> None:
        self.owner: Integers = np.full(len(tensors), NO_OBJECT, np.int64)
        self.objects = 0
        self._sizes = np.zeros(len(tensors), np.int64)
        self._size: list[int] = tensors.size.tolist()
        self._begin: list[int] = tensors.begin.tolist()
        self._began: list[int] = tensors.began.tolist()
        self._end = tensors.end.astype(np.int32)

    @property
    def sizes(self) -> Integers:
        """Return the sizes of the objects in bytes."""
        return self._sizes[: self.objects]

    def free(self, index: int) -> NDArray[np.bool_]:
        """Return for each object whether it holds no tensor that conflicts with this one.

        One more value stands at the end, which `NO_OBJECT` finds; it is False.
        """
        began = self._began[index]
        owners = self.owner[:began][self._end[:began] >= self._begin[index]]
        free = np.ones(self.objects + 1, np.bool_)
        free[owners] = False
        free[NO_OBJECT] = False
        return free

    def give(self, index: int, number: int | None) -> int:
        """Put a tensor into an object, which grows if need be, or into a new one."""
        if number is None:
            number = self.objects
            self.objects += 1
        self.owner[index] = number
        self._sizes[number] = max(int(self._sizes[number]), self._size[index])
        return number
