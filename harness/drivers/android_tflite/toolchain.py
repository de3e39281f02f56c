"""Which program runs on a device, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness import locations
from harness.errors import TargetUnfit
from harness.model import Scalar
from harness.plugins import ToolFile
from harness.transports import litert

LITERT_HOST = "litert-host"


@dataclass(frozen=True, slots=True)
class DeviceTool:
    """A tool as it lies on the device; `flags` are those that its usage lists."""

    name: str
    abi: str
    sha256: str
    path: str
    flags: frozenset[str]
    kind: str = ""

    def asked(self) -> dict[str, Scalar]:
        """Return what the suite says of this program and its output must show."""
        return {"tool_kind": self.kind} if self.kind else {}


def choose_tool(
    named: str | None,
    tools: Mapping[str, Mapping[str, ToolFile]],
    abis: Sequence[str],
    *,
    virtual: bool,
) -> ToolFile:
    """Return the suite's tool for the device's best ABI, or litert-host.

    Raises:
        TargetUnfit: the suite names no such tool, not one, or none for these ABIs; or
            litert-host cannot run since LiteRT is not installed.
    """
    if named is None and virtual:
        return _litert_host(abis)
    name = named or _only(tools)
    if name not in tools:
        known = ", ".join(sorted(tools)) or "none"
        raise TargetUnfit(
            f"the suite has no tool named {name!r}",
            hint=f"tools of this suite: {known}; add it under `tools:` with a file per ABI",
        )
    builds = tools[name]
    for abi in abis:
        if abi in builds:
            return builds[abi]
    raise TargetUnfit(
        f"the tool {name!r} is there for {', '.join(sorted(builds))}; "
        f"the device runs {', '.join(abis) or 'nothing known'}",
        hint=f"add a build for {abis[0] if abis else 'its ABI'} under `tools:`",
    )


def _only(tools: Mapping[str, Mapping[str, ToolFile]]) -> str:
    if len(tools) == 1:
        return next(iter(tools))
    if not tools:
        raise TargetUnfit(
            "the suite names no benchmark_model for this phone",
            hint="add one under `tools:`, see configs/phone.yaml",
        )
    raise TargetUnfit(
        f"the suite has several tools ({', '.join(sorted(tools))}) and the target names none",
        hint="add `tool:` with one of these names to the target",
    )


def _litert_host(abis: Sequence[str]) -> ToolFile:
    litert.require()
    path: Path = locations.device_scripts() / "host" / "litert_host.py"
    return ToolFile(
        LITERT_HOST, abis[0] if abis else "host", path, sha256(path.read_bytes()).hexdigest()
    )
