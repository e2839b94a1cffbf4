"""Kinds of messages, as in schema/message.fbs."""

from typing import Final

HELLO: Final = 1
CALL: Final = 2
RESULT: Final = 3
ERROR: Final = 4
CANCEL: Final = 5
PRESSURE: Final = 8
GOODBYE: Final = 9
STREAM: Final = 10
CREATE: Final = 11
ITEM: Final = 12
CREDIT: Final = 13
PROGRESS: Final = 14
LOG: Final = 15
INTERRUPT: Final = 16
DROP: Final = 17
DROPPED: Final = 20
