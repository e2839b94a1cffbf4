"""What Isthmus serves: the simulation as it is, and the step that does nothing; both also over states that are kept."""

from physics import Energies, Floats, nothing, step

__all__ = ["keep", "kept_nothing", "kept_step", "nothing", "step"]

states: tuple[Floats, Floats]


def keep(one: Floats, other: Floats) -> None:
    global states
    states = one, other


def kept_step(now: int, dt: float, block: int, blocks: int) -> Energies:
    return step(states[now], states[1 - now], dt, block, blocks)


def kept_nothing(now: int, dt: float, block: int, blocks: int) -> Energies:
    return nothing(states[now], states[1 - now], dt, block, blocks)
