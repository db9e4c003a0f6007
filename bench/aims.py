"""What the numbers are to reach, and whether they do."""

import dataclasses
import statistics
import typing


@dataclasses.dataclass
class Aim:
    """One number of the service beside another's. With nothing beside, the bound is one of the number itself."""

    what: str
    unit: str
    ours: typing.Sequence[float]  # of each round
    theirs: typing.Sequence[float]
    beside: str
    bound: float  # of ours / theirs
    is_most: bool  # else the least
    command: str
    in_turns: bool = True  # each of ours has a round of theirs beside it

    @property
    def ratio(self):
        return statistics.median(self.ours) / statistics.median(self.theirs) if self.theirs else None

    @property
    def is_reached(self):
        number = self.ratio if self.theirs else statistics.median(self.ours)
        return number <= self.bound if self.is_most else number >= self.bound

    @property
    def bound_text(self):
        return f"{'≤' if self.is_most else '≥'} {self.bound:g}" + (" ×" if self.theirs else "")

    @property
    def ratio_text(self):
        """Of the medians, and the range of the rounds where both were played in turns."""
        if not self.theirs:
            return "–"
        if not self.in_turns:
            return f"{self.ratio:.2f}"
        each = [a / b for a, b in zip(self.ours, self.theirs)]
        return f"{self.ratio:.2f} ({min(each):.2f}–{max(each):.2f})"

    def as_json(self):
        return {**dataclasses.asdict(self), "ratio": self.ratio, "is_reached": self.is_reached}


def compare(what, measured, key, unit, beside, bound, is_most, command):
    """The aim of a contest: {name: Measurement}, the service by the name `portcullis`."""
    return Aim(what, unit, measured["portcullis"].column(key), measured[beside].column(key), beside, bound, is_most, command)


def number_text(values):
    if not values:
        return "–"
    middle = statistics.median(values)
    return f"{middle:,.{0 if middle >= 100 else 1 if middle >= 10 else 2}f}"
