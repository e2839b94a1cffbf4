"""Kinds of messages, as in schema/message.fbs."""

from typing import Final

HELLO: Final = 1
CALL: Final = 2
RESULT: Final = 3
ERROR: Final = 4
CANCEL: Final = 5
PRESSURE: Final = 8
GOODBYE: Final = 9
