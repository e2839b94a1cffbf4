"""What Isthmus serves: the compiled step, and the one that does nothing."""

from compiled import step as compiled
from physics import nothing

__all__ = ["compiled", "nothing"]
