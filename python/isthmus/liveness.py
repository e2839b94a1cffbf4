"""Which local names of a suspended generator are dead: whatever it does next, it reads none of their values.

A name is live at an instruction if the instruction reads it, or if it is live at one that may follow and is not
assigned by this one. That is computed backwards until nothing changes. Where anything is not understood, nothing is
dead.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import AsyncGeneratorType, CodeType, FrameType, GeneratorType
from typing import Any, Final

#: What a function may see all of its names through.
_SEES_ALL: Final = frozenset({"locals", "vars", "dir", "exec", "eval", "_getframe", "currentframe"})
_NEVER_FALLS_THROUGH: Final = frozenset(
    [
        "RETURN_VALUE",
        "RETURN_CONST",
        "RAISE_VARARGS",
        "RERAISE",
        "INTERPRETER_EXIT",
        "JUMP_FORWARD",
        "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
    ]
)
_READS: Final = frozenset(
    ["LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR", "LOAD_FAST_LOAD_FAST"]
)
_WRITES: Final = frozenset(["STORE_FAST", "DELETE_FAST", "STORE_FAST_STORE_FAST"])
_UNDERSTOOD: Final = sys.version_info < (3, 14)  # later ones keep values on the stack uncounted


def dead_values(iterator: Any) -> list[int]:
    """`id()` of what the dead names of a suspended generator refer to, once for each name."""
    while (
        type(iterator) is GeneratorType and type(iterator.gi_yieldfrom) is GeneratorType
    ):  # yield from
        iterator = iterator.gi_yieldfrom
    frame: FrameType | None = None
    if type(iterator) is GeneratorType:
        frame = iterator.gi_frame if iterator.gi_yieldfrom is None else None
    elif type(iterator) is AsyncGeneratorType:
        frame = iterator.ag_frame
    if frame is None or not _UNDERSTOOD:
        return []
    names = dead_names(frame.f_code).get(frame.f_lasti)
    if not names:
        return []
    values = frame.f_locals
    found = [id(values[name]) for name in names if name in values]
    if type(values) is dict:
        values.clear()  # before 3.13 it is a copy, which the frame would keep
    return found


@lru_cache(maxsize=256)
def dead_names(code: CodeType) -> dict[int, frozenset[str]]:
    """For each `yield` that is a statement: the names that are dead when the generator is suspended there."""
    if not _SEES_ALL.isdisjoint(code.co_names):
        return {}
    instructions = list(dis.get_instructions(code))
    live = _live(code, instructions)
    if live is None:
        return {}
    names = frozenset(code.co_varnames) - {*code.co_cellvars, *code.co_freevars}
    found = {}
    for at, instruction in enumerate(instructions[:-2]):
        after = [later.opname for later in instructions[at + 1 : at + 3]]
        # In an expression, `f(x, (yield x))`, the stack may hold the value.
        if instruction.opname != "YIELD_VALUE" or after[0] != "RESUME":
            continue
        if after[1] not in ("POP_TOP", "STORE_FAST"):
            continue
        dead = names - live[at + 1]
        found[instruction.offset] = dead
        found[instructions[at + 1].offset] = dead  # where 3.13 says that it is
    return found


def _live(code: CodeType, instructions: list[dis.Instruction]) -> list[frozenset[str]] | None:
    """Names that are live before each instruction; None where one is not understood."""
    effects = [_effect(instruction) for instruction in instructions]
    if None in effects:
        return None
    following = list(_following(code, instructions))
    live: list[frozenset[str]] = [frozenset()] * len(instructions)
    changed = True
    while changed:
        changed = False
        for at in reversed(range(len(instructions))):
            reads, writes = effects[at] or (frozenset(), frozenset())
            next_ones, handlers = following[at]
            now = reads.union(*(live[other] - writes for other in next_ones))
            now = now.union(*(live[other] for other in handlers))
            if now != live[at]:
                live[at] = now
                changed = True
    return live


def _effect(instruction: dis.Instruction) -> tuple[frozenset[str], frozenset[str]] | None:
    """The names that it reads, and then assigns."""
    operation, names = instruction.opname, instruction.argval
    if "_FAST" not in operation:
        return frozenset(), frozenset()
    mentioned = frozenset(names if isinstance(names, tuple) else (names,))
    if operation in _READS:
        return mentioned, frozenset()
    if operation in _WRITES:
        return frozenset(), mentioned
    if (
        operation == "STORE_FAST_LOAD_FAST"
    ):  # reads the second, perhaps as it has just been assigned
        return mentioned, frozenset()
    return None


def _following(
    code: CodeType, instructions: list[dis.Instruction]
) -> Iterator[tuple[list[int], list[int]]]:
    """Indices of the instructions that may follow each one, and of the handlers of what it raises."""
    index = {instruction.offset: at for at, instruction in enumerate(instructions)}
    entries: Any = dis.Bytecode(code).exception_entries  # type: ignore[attr-defined]
    jumps = {*dis.hasjrel, *dis.hasjabs}
    for at, instruction in enumerate(instructions):
        next_ones = []
        if instruction.opname not in _NEVER_FALLS_THROUGH and at + 1 < len(instructions):
            next_ones.append(at + 1)
        if instruction.opcode in jumps:
            next_ones.append(index[instruction.argval])
        handlers = [
            index[entry.target]
            for entry in entries
            if entry.start <= instruction.offset < entry.end
        ]
        yield next_ones, handlers
