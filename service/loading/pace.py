"""How much one transaction should take, so that nobody who writes beside it waits long."""

from dataclasses import dataclass

AIM_SECONDS = 0.1
"""What a transaction should last."""


@dataclass(slots=True)
class Pace:
    """The size of the next portion, learnt from how long those before took."""

    size: int
    least: int
    most: int

    def took(self, done: int, seconds: float) -> None:
        """Learn from a portion: at most twice, at least half of the size before."""
        if done * 2 < self.size:
            return  # the rest of something says little
        fitting = done * AIM_SECONDS / max(seconds, 1e-6)
        self.size = int(max(self.least, min(self.most, self.size * 2, max(self.size / 2, fitting))))
