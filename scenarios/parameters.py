"""The parameters of a scenario: a frozen dataclass whose fields say type, default and meaning.

::

    @dataclass(frozen=True)
    class Parameters:
        delay: int = duration("20 ms", "one-way delay of the link")
        loss: float = probability("1%", "chance that a packet is lost, each way")

Texts are read here, once, into the simulator's units: durations are ns.  A class that raises
ValueError in `__post_init__` refuses what does not go together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from scenarios.errors import UserError, nearest
from sim import units

MOST: Final = 100_000_000
"""The largest number that a `count` takes."""
LONGEST: Final = 366 * 86_400 * units.S
"""The longest `duration`, ns: a year."""
NONE: Final = "none"
"""How a text says that there is nothing."""
NEVER: Final = "never"
"""How a `duration` says that it does not pass."""
DEFAULT: Final = "default"
"""How a `knob` says that it is left as the operating system has it."""
RAREST: Final = 1e-4
"""The lowest `frequency`, besides 0, per second."""

TAKEN: Final = {"help", "seed", "out", "force", "trace", "pcap"} | {
    *("run", "point", "repetition", "status", "cause", "wall_s", "events", "peak_rss_bytes")
}
"""Names that no parameter may have: options of a script, columns of a sweep's runs."""

KEY: Final = "connectsim"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a scenario."""

    name: str
    default: Any
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of quantity a parameter is."""

    unit: str
    """Unit of the values in run.json; "%": a fraction that people read as a percentage."""
    parse: Callable[[str], Any]
    """Text to the simulator's value; raises ValueError with one line."""
    format: Callable[[Any], str] = str
    """The simulator's value to a text that `parse` reads."""
    base: Callable[[Any], Any] = lambda value: value
    """The simulator's value to that of run.json."""


def _declare(kind: Kind, default: str, meaning: str) -> Any:
    return field(default=kind.parse(default), metadata={KEY: (kind, meaning)})


def duration(default: str, meaning: str, *, never: bool = False) -> Any:
    """Declare a duration, an int of ns; `never`: or the word never, None."""

    def parse(text: str) -> int | None:
        if never and text.strip() == NEVER:
            return None
        value = units.duration(text)
        if value > LONGEST:
            raise ValueError(f"{text!r} is too long: at most 366 days")
        return value

    def write(value: int | None) -> str:
        return NEVER if value is None else units.format_duration(value)

    kind = Kind("s", parse, write, lambda value: None if value is None else value / units.S)
    return _declare(kind, default, meaning)


def probability(default: str, meaning: str) -> Any:
    """Declare a probability, a float from 0 to 1."""
    return _declare(Kind("%", units.probability, units.format_probability), default, meaning)


def frequency(default: str, meaning: str, *, zero: bool = False) -> Any:
    """Declare a number of events per second, a float; `zero` says whether 0 makes sense."""

    def parse(text: str) -> float:
        value = units.frequency(text)
        if value < RAREST and not (zero and value == 0):
            also = "0, or " if zero else ""
            raise ValueError(f"{text!r} is too low a rate: {also}at least {RAREST:g}/s")
        return value

    return _declare(Kind("/s", parse, units.format_frequency), default, meaning)


def bitrate(default: str, meaning: str) -> Any:
    """Declare a bit rate above 0, an int of bit/s."""

    def parse(text: str) -> int:
        value = units.bitrate(text)
        if not value:
            raise ValueError(f"{text!r} is no bit rate: nothing would ever arrive")
        return value

    return _declare(Kind("bit/s", parse, units.format_bitrate), default, meaning)


def count(default: str, meaning: str, *, least: int = 0, most: int = MOST) -> Any:
    """Declare a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        number = text.strip().replace("_", "")
        digits = number.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"{text!r} is not a whole number such as {max(least, 5000)}")
        if len(digits) > len(str(MOST)) or not least <= int(number) <= most:
            raise ValueError(f"{text!r} is not between {least} and {most}")
        return int(number)

    return _declare(Kind("", parse), default, meaning)


def knob(meaning: str, *, most: int = MOST) -> Any:
    """Declare a setting of an operating system, a whole number; by default None, "default"."""
    number = count("0", meaning, most=most).metadata[KEY][0]

    def parse(text: str) -> int | None:
        return None if text.strip() == DEFAULT else number.parse(text)

    def write(value: int | None) -> str:
        return DEFAULT if value is None else str(value)

    kind = Kind("", parse, write, lambda value: DEFAULT if value is None else value)
    return _declare(kind, DEFAULT, meaning)


def text(default: str, meaning: str) -> Any:
    """Declare a text: a name, a file."""
    return _declare(Kind("", str.strip), default, meaning)


def netem(meaning: str) -> Any:
    """Declare what tc takes after the word netem, or none at all, as at first."""
    from sim.net.netem import parse as understood  # noqa: PLC0415 (few scenarios need it)

    return _declare(_checked(understood), NONE, meaning)


def losses(meaning: str) -> Any:
    """Declare a script of losses ("SYN 1"), or none at all, as at first."""
    from sim.net.script import LossScript  # noqa: PLC0415 (few scenarios need it)

    return _declare(_checked(LossScript), NONE, meaning)


def _checked(understood: Callable[[str], Any]) -> Kind:
    """Return a kind of text that can be understood; none is None."""

    def parse(text: str) -> str | None:
        stripped = text.strip()
        if stripped == NONE:
            return None
        understood(stripped)
        return stripped

    return Kind("", parse, lambda value: value or NONE, lambda value: value or NONE)


def operating_system(default: str, meaning: str) -> Any:
    """Declare the name of an operating-system profile."""
    from sim.tcp.profiles import PROFILES  # noqa: PLC0415 (only scenarios with hosts need them)

    def parse(text: str) -> str:
        if text not in PROFILES:
            raise ValueError(f"unknown operating system {text!r}; {nearest(text, PROFILES)}")
        return text

    return _declare(Kind("", parse), default, meaning)


def declared(cls: type) -> dict[str, Parameter]:
    """Return the parameters that a `Parameters` class declares, by name.

    Raises UserError for a field that was not declared with a function of this module, or has a
    name that is taken.
    """
    found = {}
    for one in fields(cls):
        if one.name in TAKEN:
            raise UserError(f"parameter {one.name}: the name is taken, choose another")
        if KEY not in one.metadata:
            raise UserError(
                f"parameter {one.name}: declare it with a function of scenarios.parameters"
            )
        kind, meaning = one.metadata[KEY]
        found[one.name] = Parameter(one.name, one.default, kind, meaning)
    return found


def parse(cls: type, settings: Mapping[str, str]) -> Any:
    """Return an instance of a `Parameters` class with some parameters set, from text.

    Raises UserError for an unknown name, with the nearest one, and for what a value cannot be.
    """
    known = declared(cls)
    values = {}
    for name, value in settings.items():
        if name not in known:
            raise UserError(f"unknown parameter {name!r}; {nearest(name, known)}")
        try:
            values[name] = known[name].kind.parse(value)
        except ValueError as error:
            raise UserError(f"parameter {name}: {error}") from None
    try:
        return cls(**values)
    except ValueError as error:
        raise UserError(f"parameters: {error}") from None


def base_values(parameters: Any) -> dict[str, Any]:
    """Return the values by name as run.json holds them: seconds, fractions, counts, text."""
    return {
        name: parameter.kind.base(getattr(parameters, name))
        for name, parameter in declared(type(parameters)).items()
    }


def base_units(cls: type) -> dict[str, str]:
    """Return the units of `base_values` by name, of those that have one."""
    return {
        name: parameter.kind.unit
        for name, parameter in declared(cls).items()
        if parameter.kind.unit
    }
