"""Which phones a suite's targets mean: aliases and tags become targets on phones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Protocol

from harness.core_sets import is_name
from harness.lab.load import FILE_NAME, Lab
from harness.model import Phone
from harness.options import PhoneReference, Placeable
from harness.serials import bench_of
from harness.suite import document
from harness.suite.finding import Mistake, SuiteMistakes, did_you_mean, findings, near
from harness.suite.keys import NAME_LENGTH
from harness.suite.nodes import Node, follow
from harness.suite.values import Suite, Target, Variant

# Makers' serials have digits and no dash; adb itself gives the other two.
_SERIAL = re.compile(r"(?=.*\d)[^-\s]+|emulator-\d+|adb-.+|.*:\d+")
_WHERE = "name the file with --devices or $EDGEBENCH_DEVICES"


class Looking(Protocol):
    """What can be seen of phones while a session is planned."""

    def only_one(self) -> str | None:
        """Return the serial of the one phone that is attached and ready, None if unknown."""

    def is_free(self, phone: Phone) -> bool:
        """Tell whether a phone is attached, ready, and leased to nobody."""


class Unseen:
    """Sees no phone: what is placed so is good for checking a suite, not for running it."""

    def only_one(self) -> str | None:
        return None

    def is_free(self, phone: Phone) -> bool:
        del phone
        return False


def place(
    suite: Suite, lab: Lab, looking: Looking, *, before: Mapping[str, str] | None = None
) -> Suite:
    """Return the suite with its targets on phones; `{tag: …}` becomes a target per phone.

    `before` has the bench of each target of a session that is resumed: `{any: …}` then means
    the same phone again.

    Raises:
        SuiteMistakes: no such alias, tag or set of cores, with its position in the suite.
    """
    root = document.read(suite.text).root
    assert root is not None, "a suite that was loaded can be read"
    placing = _Placing(suite, root, lab, looking, before or {})
    targets = placing.all_targets()
    placing.check_names(targets)
    if placing.mistakes:
        raise SuiteMistakes(findings(suite.text, str(suite.path), placing.mistakes))
    return replace(suite, targets=targets)


@dataclass(slots=True)
class _Placing:
    suite: Suite
    root: Node
    lab: Lab
    looking: Looking
    before: Mapping[str, str]
    mistakes: list[Mistake] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def all_targets(self) -> tuple[Target, ...]:
        # Those that may take any phone come last, so that they leave the others theirs.
        ordered = sorted(self.suite.targets, key=_takes_any)
        placed = {target.name: self.target(target) for target in ordered}
        return tuple(chain.from_iterable(placed[target.name] for target in self.suite.targets))

    def target(self, target: Target) -> tuple[Target, ...]:
        device = target.options.device if isinstance(target.options, Placeable) else None
        named: tuple[tuple[str, Phone | None], ...]
        match device:
            case PhoneReference(tag=str(tag)):
                phones = self._tagged(target, tag)
                named = tuple((f"{target.name}@{phone.alias}", phone) for phone in phones)
            case PhoneReference(any=str(tag)):
                phones = self._tagged(target, tag)
                named = ((target.name, self._free(target, phones)),) if phones else ()
            case str():
                named = ((target.name, self._called(target, device)),)
            case _:
                named = ((target.name, None),)
        return tuple(self._on(target, name, phone) for name, phone in named)

    def check_names(self, targets: tuple[Target, ...]) -> None:
        seen: set[str] = set()
        for target in targets:
            written = target.name.partition("@")[0] if target.phone else target.name
            if target.name in seen or len(target.name) > NAME_LENGTH:
                why = "is there twice" if target.name in seen else f"has over {NAME_LENGTH} letters"
                self._wrong((written,), f"the target {target.name!r} {why}", "call one otherwise")
            seen.add(target.name)

    def _called(self, target: Target, device: str) -> Phone | None:
        if device == "virtual":
            return None
        if device == "auto":
            serial = self.looking.only_one()
            return None if serial is None else self._of_serial(serial)
        known = self.lab.by_alias(device)
        if known is None and self.lab.path is not None and not self._is_serial(device):
            aliases = [phone.alias for phone in self.lab.phones]
            self._wrong(
                (target.name, "device"),
                f"device: {self.lab.path} has no phone named {device[:40]!r}",
                did_you_mean(device, aliases) or f"its phones: {', '.join(aliases)}",
            )
        return known or self._of_serial(device)

    def _is_serial(self, device: str) -> bool:
        if any(phone.serial == device for phone in self.lab.phones):
            return True
        misspelt = near(device, [phone.alias for phone in self.lab.phones])
        return not misspelt and _SERIAL.fullmatch(device) is not None

    def _of_serial(self, serial: str) -> Phone:
        listed = (phone for phone in self.lab.phones if phone.serial == serial)
        return next(listed, None) or Phone("", serial, bench_of(serial))

    def _tagged(self, target: Target, tag: str) -> tuple[Phone, ...]:
        phones = self.lab.tagged(tag)
        if phones:
            return phones
        place = (target.name, "device", "tag" if target.options.device.tag else "any")
        if self.lab.path is None:
            self._wrong(place, f"device: a tag needs a {FILE_NAME}, and none was found", _WHERE)
            return ()
        tags = self.lab.tags
        self._wrong(
            place,
            f"device: no phone of {self.lab.path} has the tag {tag[:40]!r}",
            did_you_mean(tag, tags) or (f"its tags: {', '.join(tags)}" if tags else "add it there"),
        )
        return ()

    def _free(self, target: Target, phones: tuple[Phone, ...]) -> Phone:
        """Choose a phone; where none is free the first one, which then says why it is not."""
        again = [phone for phone in phones if phone.bench == self.before.get(target.name)]
        untaken = [phone for phone in phones if phone.bench not in self._taken]
        free = (phone for phone in untaken if self.looking.is_free(phone))
        return again[0] if again else next(free, (untaken or list(phones))[0])

    def _on(self, target: Target, name: str, phone: Phone | None) -> Target:
        if phone is not None:
            self._taken.add(phone.bench)
        variants = tuple(self._variant(target, variant, phone) for variant in target.variants)
        options = target.options
        if phone is not None:
            device = phone.serial or "virtual"
            options = options.model_copy(update={"device": device})
        return replace(target, name=name, phone=phone, options=options, variants=variants)

    def _variant(self, target: Target, variant: Variant, phone: Phone | None) -> Variant:
        cores: Any = getattr(variant.options, "cores", None)
        if not isinstance(cores, str) or not is_name(cores):
            return variant
        sets = phone.cores if phone else {}
        if cores in sets:
            options = variant.options.model_copy(update={"cores": sets[cores]})
            return replace(variant, options=options)
        whose = phone.label if phone else "this device"
        known = (
            f"it has {', '.join(sets)}" if sets else f"write 4-7, or give it a soc in {FILE_NAME}"
        )
        self._wrong(
            (target.name, "variants", variant.name, "cores"),
            f"cores: {whose} has no cores named {cores!r}",
            did_you_mean(cores, sets) or known,
        )
        return variant

    def _wrong(self, path: tuple[str, ...], message: str, suggestion: str) -> None:
        found = follow(self.root, ("targets", *path))
        # A target is blamed at its name, a value where it stands.
        place = found.key if len(path) == 1 and found.key else found.node
        self.mistakes.append(Mistake(place.start, message, suggestion))


def _takes_any(target: Target) -> bool:
    device = target.options.device if isinstance(target.options, Placeable) else None
    return isinstance(device, PhoneReference) and device.any is not None
