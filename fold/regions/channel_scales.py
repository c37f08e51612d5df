"""Which channels of which tensors can be scaled, and which must be scaled alike.

Every channel of every tensor belongs to a class. A positive scale per class changes nothing that
the model computes, once the weights at both ends of the class take it in; class 0 is not scaled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fold.affine import Affine, Array, CannotFold
from fold.keras_graph.graph import Call, Value
from fold.rules import absorb_input, absorb_output, pull, push
from fold.rules.conv import channel_axis
from fold.search.plan import Plan

Free = Callable[[Call], Array | None]


class ChannelScales:
    """The classes of a graph.

    Args:
        plan: what is decided; affines in it are scaled through.
        bounded: of a call that is linear only below a bound: which channels stay below it.
    """

    def __init__(self, plan: Plan, bounded: Free = lambda call: None) -> None:
        self.plan = plan
        self._bounded = bounded
        self._parent = [0]
        self._labels = np.random.default_rng(0)
        self._label = [1.0]
        self._classes: dict[Value, Array] = {}
        for value in plan.graph.input_values:
            self._classes[value] = self._none(value)
        for call in plan.graph.calls:
            self._run(call)
        for value in plan.graph.results:
            self._join(self._classes[value], np.zeros(1, int))

    def of(self, value: Value) -> Array:
        """The class of each channel; the array broadcasts against one example."""
        return np.array([self._root(i) for i in self._classes[value].flat], int).reshape(
            self._classes[value].shape
        )

    @property
    def count(self) -> int:
        """How many classes there ever were."""
        return len(self._parent)

    def _run(self, call: Call) -> None:
        shared = len(self.plan.graph.calls_of[call.operation]) > 1
        if shared or call.masked or call in self.plan.frozen or len(call.outputs) != 1:
            self._close(call)
        elif call in self.plan.affines:
            self._classes[call.output] = self._classes[call.input]
        elif (free := self._bounded(call)) is not None:
            self._join(np.where(free, 0, self._classes[call.input]), np.zeros(1, int))
            self._classes[call.output] = self._classes[call.input]
        elif absorb_input.answers(call) or absorb_output.answers(call):
            self._absorb(call)
        elif push.answers(call) and pull.answers(call):
            self._classes[call.output] = self._through(call)
        else:
            self._close(call)

    def _absorb(self, call: Call) -> None:
        for value in dict.fromkeys(call.inputs):
            positions = tuple(i for i, v in enumerate(call.inputs) if v is value)
            try:
                absorb_input(call, self._probe(self._classes[value]), positions)
            except CannotFold:
                self._join(self._classes[value], np.zeros(1, int))
        self._classes[call.output] = self._made(call)

    def _made(self, call: Call) -> Array:
        """New classes for the channels of a layer that can scale its output."""
        none = self._none(call.output)
        axis = channel_axis(call.operation) if hasattr(call.operation, "data_format") else -1
        size = call.output.example[axis] if none.ndim else None
        if size is None:
            return none
        start = len(self._parent)
        shape = np.array(none.shape)
        shape[axis] = size
        classes = np.arange(start, start + size).reshape(shape)
        self._parent.extend(range(start, start + size))
        self._label.extend(np.atleast_1d(self._labels.uniform(1, 2, (size,))))
        try:
            absorb_output(call, self._probe(classes))
        except CannotFold:
            return none
        return classes

    def _through(self, call: Call) -> Array:
        """The classes behind a layer without weights, moved by its own rule."""
        given = [self.of(value) for value in call.inputs]
        for attempt in self._attempts(given):
            try:
                (balance, *_) = push(call, tuple(self._probe(each) for each in attempt))
            except CannotFold:
                continue
            found = self._found(balance.output.scale, attempt)
            if found is not None and all(a is None for a in balance.inputs):
                for before, after in zip(given, attempt, strict=True):
                    self._join(before, after)
                return found
        self._close(call)
        return self._classes[call.output]

    def _attempts(self, given: list[Array]) -> Iterator[list[Array]]:
        """As they are; all but the largest unscaled, as a gate is; all alike, as in a sum."""
        yield given
        if len(given) > 1:
            largest = max(range(len(given)), key=lambda i: np.count_nonzero(given[i]))
            yield [each if i == largest else 0 * each for i, each in enumerate(given)]
            if len({each.ndim for each in given}) == 1:
                alike = given[0]
                for other in given[1:]:
                    alike = np.where((alike == 0) | (other == 0), 0, alike)
                yield [alike] * len(given)

    def _found(self, scale: Array, given: list[Array]) -> Array | None:
        """The classes whose labels these are; None where a label is none of theirs."""
        classes = np.unique([0, *(self._root(i) for each in given for i in each.flat)])
        labels = np.array([self._label[i] for i in classes])
        order = np.argsort(labels)
        at = np.clip(np.searchsorted(labels[order], scale), 0, len(labels) - 1)
        return classes[order][at] if np.array_equal(labels[order][at], scale) else None

    def _probe(self, classes: Array) -> Affine:
        labels = [self._label[self._root(i)] for i in classes.flat]
        scale = np.array(labels).reshape(classes.shape)
        return Affine(scale, np.zeros_like(scale))

    def _close(self, call: Call) -> None:
        for value in call.inputs:
            self._join(self._classes[value], np.zeros(1, int))
        for value in call.outputs:
            self._classes[value] = self._none(value)

    def _none(self, value: Value) -> Array:
        return np.zeros((1,) * value.rank, int)

    def _join(self, classes: Array, others: Array) -> None:
        pairs = np.broadcast_arrays(classes, others)
        for a, b in zip(*(each.flat for each in pairs), strict=True):
            low, high = sorted((self._root(a), self._root(b)))
            self._parent[high] = low

    def _root(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index
