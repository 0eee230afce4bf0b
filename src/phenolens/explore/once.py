"""Results kept for those who ask again: each made once, however many ask at the same time."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

Found = TypeVar("Found")


class Once:
    """Values by name, made when first asked for, the longest unused forgotten first.

    Parameters
    ----------
    most : int, optional
        Bytes kept at most, by `size`; by default all values are kept.
    size : callable, optional
        Bytes of a value.
    """

    def __init__(self, most: int | None = None, *, size: Callable[[Any], int] = len) -> None:
        self._most, self._size, self._held_bytes = most, size, 0
        self._held: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()
        self._making: defaultdict[Hashable, Lock] = defaultdict(Lock)

    def get(self, name: Hashable, make: Callable[[], Found]) -> Found:
        """The value of this name; who asks while another makes it waits for that one."""
        with self._lock:
            if name in self._held:
                self._held.move_to_end(name)
                return self._held[name]
            making = self._making[name]
        with making:
            with self._lock:
                if name in self._held:
                    return self._held[name]
            value = make()
            with self._lock:
                self._held[name] = value
                self._making.pop(name, None)
                self._forget(value)
            return value

    def _forget(self, newest: Any) -> None:
        if self._most is None:
            return
        self._held_bytes += self._size(newest)
        while self._held_bytes > self._most and len(self._held) > 1:
            _, oldest = self._held.popitem(last=False)
            self._held_bytes -= self._size(oldest)
