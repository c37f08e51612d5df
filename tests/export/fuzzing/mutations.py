"""Changes JSON as JSON, so that the fuzzer gets beyond the parser."""

import copy
import json
import random
from typing import Any

from tests.export.fuzzing.words import WORDS

VALUES = [None, True, 0, -1, 1e30, 10**30, "", "x" * 5000, [], {}, [[]], "../x", "nan", *WORDS]


def mutate_json(content: bytes, size: int, seed: int) -> bytes:
    """One of: a part replaced by a word or by another part, added, or removed."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return content[:size]
    rng = random.Random(seed)
    offsets = list(_places(whole))
    for _ in range(rng.randint(1, 3)) if offsets else ():
        container, key = rng.choice(offsets)
        other, name = rng.choice(offsets)
        _change(rng, container, key, copy.deepcopy(_taken(other, name)))
    text = json.dumps(whole).encode()
    return text if len(text) <= size else content[:size]


def _change(rng: random.Random, container: Any, key: Any, other: Any) -> None:
    new = other if rng.random() < 0.5 else rng.choice(VALUES)
    if rng.random() < 0.2:
        new = {"class_name": new, "module": rng.choice(WORDS), "config": other}
    if isinstance(container, list):
        if rng.random() < 0.5 and key < len(container):
            container[key] = new
        else:
            container.append(new)
    elif rng.random() < 0.2:
        container.pop(key, None)
    else:
        container[rng.choice([key, rng.choice(WORDS)])] = new


def _taken(container: Any, key: Any) -> Any:
    try:
        return container[key]
    except LookupError:
        return None


def _places(node: Any) -> Any:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        keys = (
            here if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        )
        for key in list(keys):
            yield here, key
            waiting.append(here[key])
