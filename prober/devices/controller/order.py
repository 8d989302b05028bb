"""libvirt's order of controllers, and the indexes that they get (11.3, ``virDomainControllerInsertPreAlloced``,
``virDomainAssignControllerIndexes``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.commandline.refusal import Broken
from prober.devices.controller.base import Controller

#: One more than any index.
_END = 256


class IndexesUsedUp(Broken):
    """A controller can be given no index; carries the controller."""

    def __init__(self, controller: Controller) -> None:
        super().__init__("", f"there are too many {controller.controller_type} controllers: indexes end at {_END - 1}")
        self.controller = controller


def insert(controllers: list[Controller], new: Controller) -> None:
    """Put a controller among those of its type: by index, one without an index last, a master before its companions."""
    at: int | None = None
    for position in range(len(controllers) - 1, -1, -1):
        current = controllers[position]
        if current.controller_type != new.controller_type:
            continue
        if new.index is None:
            at = position + 1
            break
        if (current.index is not None and current.index > new.index) or (
            current.index == new.index and _leads(new, current)
        ):
            at = position
        elif at is None:
            at = position + 1
    controllers.insert(len(controllers) if at is None else at, new)


def _leads(new: Controller, current: Controller) -> bool:
    """Of two of one index."""
    return current.is_companion and not new.is_companion


def controllers_in_order(controllers: Iterable[Controller]) -> list[Controller]:
    """As libvirt has them once all are read."""
    result: list[Controller] = []
    for controller in controllers:
        insert(result, controller)
    return result


def with_indexes(controllers: list[Controller]) -> list[Controller]:
    """Each with an index: the lowest that no other of its type has; parts of one USB 2 get the same.

    :raise IndexesUsedUp: where there are too many.
    """
    result = list(controllers)
    # A controller with an index stands where it is put by that alone, once a part of a USB 2 has got one.
    again = False
    for position, controller in enumerate(result):
        if controller.index is not None:
            continue
        again = again or (position > 0 and controller.group_model is not None)
        index = _group_index(result, position) if position else None
        if index is None:
            index = next(_free(result, controller.controller_type), None)
        if index is None:
            raise IndexesUsedUp(controller)
        result[position] = controller.replace(index=index)
    return controllers_in_order(result) if again else result


def _free(controllers: list[Controller], kind: str) -> Iterator[int]:
    taken = {controller.index for controller in controllers if controller.controller_type == kind}
    # PCI's index 0 is the machine's own bus.  As in libvirt the first controller without an index gets it, and any
    # model but a root is refused for that then.
    return (number for number in range(_END) if number not in taken)


def _group_index(controllers: list[Controller], position: int) -> int | None:
    """The index of the USB 2 that the controller before this one is part of, if it lacks such a part."""
    new = controllers[position]
    if new.group_model is None:
        return None
    before = next((c for c in reversed(controllers[:position]) if c.controller_type == new.controller_type), None)
    if before is None or before.group_model is None:
        return None
    same = (c for c in controllers if c.controller_type == new.controller_type and c.index == before.index)
    return None if any(c.group_model == new.group_model for c in same) else before.index
