"""Values <-> (MessagePack, arrays). What becomes what: docs/values.md."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from msgspec.msgpack import Decoder, Encoder, Ext

from isthmus._native import Cargo
from isthmus.callbacks import Callback
from isthmus.errors import IsthmusError, UnsupportedValueError

if TYPE_CHECKING:
    from isthmus.functions import Functions
    from isthmus.objects import Objects

TENSOR: Final = 1  # extension type: 4 bytes, the index of an array in the message
INTEGER: Final = 2  # extension type: an integer beyond 64 bits, two's complement, big-endian
# Extension types of 4 bytes, big-endian:
FUNCTION: Final = 3  # a function of Node, by its id there
OBJECT: Final = 4  # an instance in the worker, by its id here
ITERATOR: Final = 5  # an iterable of Node, by its id there

MAX_DEPTH: Final = 300  # of what the slow path walks

Arrays = list["np.ndarray[Any, Any]"]

_TENSORS: Final = tuple(Ext(TENSOR, index.to_bytes(4, "big")) for index in range(64))
_KINDS_THAT_CROSS: Final = frozenset("biufcmM")


class Codec:
    """Encodes and decodes for one thread. Without `functions` and `objects` it knows none."""

    def __init__(self, functions: Functions | None = None, objects: Objects | None = None) -> None:
        self._functions = functions
        self._objects = objects
        # Callbacks in what was encoded last: Node must not hear that they were dropped before it has the message.
        self._named: list[Callback] = []
        self._cargo = Cargo(TENSOR, _TENSORS, self._lower, self._raise_up)
        self._take = self._cargo.take
        self._encode = Encoder(enc_hook=self._cargo.lower).encode
        self._decode = Decoder(ext_hook=self._cargo.raise_up).decode

    def encode(self, value: object, name: str = "result") -> tuple[bytes, Arrays | None]:
        """The MessagePack of a value, and its arrays. Raises UnsupportedValueError naming the path from `name`."""
        try:
            payload = self._encode(value)
        except Exception as error:
            self._take()
            if isinstance(error, MemoryError):  # not the value's fault
                raise
            payload = self._encode(self._walk(value, name, 0))
        except BaseException:
            self._take()
            raise
        return payload, self._take()

    def decode(self, payload: bytes, arrays: Arrays | BaseException | None) -> Any:
        """The value; `arrays` is emptied, so that only the value holds them. What was encoded has been sent by now."""
        if self._named:
            self._named.clear()
        if arrays is not None:
            if isinstance(arrays, BaseException):
                raise arrays
            self._cargo.receive(arrays)
        try:
            return self._decode(payload)
        except (IsthmusError, MemoryError):
            raise
        except Exception as error:  # msgspec's own; of text that is not UTF-8, keys without a hash, too deep nesting
            problem = str(error) or type(error).__name__
            raise UnsupportedValueError(f"the message cannot be decoded: {problem}") from error
        finally:
            if arrays:
                arrays.clear()

    def _tensor(self, array: np.ndarray[Any, Any]) -> Ext:
        index = self._cargo.add(array)
        return _TENSORS[index] if index < 64 else Ext(TENSOR, index.to_bytes(4, "big"))

    def _raise_up(self, code: int, data: memoryview) -> Any:
        value = bytes(data)  # its length is wrong as a memoryview before msgspec 0.20
        if code == TENSOR and len(value) == 4:
            raise UnsupportedValueError(f"the message has no tensor {int.from_bytes(value, 'big')}")
        if code == INTEGER:
            return int.from_bytes(value, "big", signed=True)
        if len(value) != 4:
            raise UnsupportedValueError(f"extension type {code} of {len(value)} bytes is not known")
        number = int.from_bytes(value, "big")
        if code == FUNCTION and self._functions is not None:
            return self._functions.callback(number)
        if code == OBJECT and self._objects is not None:
            return self._objects.get(number)
        if code == ITERATOR and self._functions is not None:
            return self._functions.iterator(number)
        raise UnsupportedValueError(f"MessagePack extension type {code} is not known")

    def _lower(self, value: Any) -> Any:
        """What msgspec does not know, one step closer to what it does. Raises if there is no such thing."""
        if isinstance(value, np.ndarray):
            return self._tensor(check_array(value))
        if isinstance(value, np.generic):
            return self._lower_scalar(value)
        if isinstance(value, complex):
            return self._tensor(np.asarray(value))
        if isinstance(value, Callback):
            self._named.append(value)
            return Ext(FUNCTION, value.number.to_bytes(4, "big"))
        if self._objects is not None and (number := self._objects.number_of(value)) is not None:
            return Ext(OBJECT, number.to_bytes(4, "big"))
        for base in (int, float, str, bytes):  # subclasses of what msgspec knows
            if isinstance(value, base):
                return plain(base, value)
        if isinstance(value, CoroutineType):
            value.close()  # it was never awaited, and Python would say so
            raise UnsupportedValueError("a coroutine cannot be sent: await it")
        if hasattr(value, "__array__") and not isinstance(value, type):
            return self._tensor(check_array(np.asarray(value)))
        raise UnsupportedValueError(
            f"a value of type {type_name(type(value))} cannot be sent to Node"
        )

    def _lower_scalar(self, value: np.generic) -> Any:
        if value.dtype.kind in "biu":
            return value.item()
        if isinstance(value, np.floating) and value.dtype.itemsize <= 8:
            return float(value)
        if isinstance(value, np.str_ | np.bytes_):
            return value.item()
        return self._tensor(check_array(np.asarray(value)))

    # --- the slow path: it knows where it is, and what msgspec refuses ---

    def _walk(self, value: Any, path: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise UnsupportedValueError("nested too deeply, or contains itself", path[:200])
        kind = type(value)
        if kind is int or (isinstance(value, int) and not isinstance(value, bool | Enum)):
            return _wide(int(value))
        if isinstance(value, str) and not isinstance(value, Enum):
            return _encodable(str.__str__(value), path)
        if isinstance(value, dict):
            return {
                self._walk_key(key, path): self._walk(item, _member(path, key), depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self._walk(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(value)]
        if isinstance(value, Enum):
            return self._walk(value.value, path, depth + 1)
        members = _members(value)
        if members is not None:
            return {
                key: self._walk(item, f"{path}.{key}", depth + 1) for key, item in members.items()
            }
        try:
            self._encode(value)
            return value
        except MemoryError:
            raise
        except Exception as error:
            message = (
                str(error)
                if isinstance(error, UnsupportedValueError)
                else f"{type(error).__name__}: {error}"
            )
            raise UnsupportedValueError(message, path) from error
        finally:
            self._take()

    def _walk_key(self, key: Any, path: str) -> Any:
        if isinstance(key, str):
            return _encodable(str.__str__(key), path)
        if key is None or isinstance(key, bool):
            return key
        if isinstance(key, float):
            return float(key)
        if not isinstance(key, int | np.integer):
            raise UnsupportedValueError(
                f"a dict key of type {type_name(type(key))} cannot be sent to Node", path
            )
        number = int(key)  # one beyond 64 bits goes as the property name that it becomes in Node
        return number if -(2**63) <= number < 2**64 else str(number)


def check_array(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array, unless something of it would be lost."""
    if isinstance(array, np.ma.MaskedArray):
        raise UnsupportedValueError(
            "a masked array cannot be sent: call filled(), or send data and mask"
        )
    if (
        array.dtype.kind not in _KINDS_THAT_CROSS and array.dtype.name != "bfloat16"
    ) or array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):
        raise UnsupportedValueError(f"an array of dtype {array.dtype} cannot be sent")
    return array


def plain(base: Any, value: Any) -> Any:
    """A value of a subclass as one of the builtin type, whatever the subclass overrides."""
    return base.__add__(value, base())


def type_name(kind: type) -> str:
    """`ValueError`, `numpy.linalg.LinAlgError`."""
    return (
        kind.__qualname__
        if kind.__module__ in ("builtins", "__main__")
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _wide(value: int) -> int | Ext:
    if -(2**63) <= value < 2**64:
        return value
    return Ext(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _encodable(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnsupportedValueError("a string with lone surrogates cannot be sent", path) from error
    return text


def _member(path: str, key: object) -> str:
    return f"{path}.{key}" if isinstance(key, str) and key.isidentifier() else f"{path}[{key!r}]"


def _members(value: Any) -> dict[str, Any] | None:
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {encoded: getattr(value, name) for encoded, name in names}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return None
