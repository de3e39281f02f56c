"""Which builds a backfill puts in the place of a suite's own tools and of this host's runtimes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from harness.errors import HarnessError, SuiteError
from harness.model import Facts, ResultFolder, Scalar
from harness.plugins import KeepsRuntime, KeptBuild, driver
from harness.suite import elf
from harness.suite.values import Source, Suite, Target, ToolSource

_VERSIONS = ("tfjs", "litert_js", "onnxruntime_web")
"""Facts of a run's subject that are the version of what its page ran."""


def with_tools(suite: Suite, given: list[str]) -> Suite:
    """Return a suite in which `NAME=PATH` or `NAME/ABI=PATH` replaces that build of a tool.

    Raises:
        SuiteError: the suite has no such tool, or the file is no program.
    """
    tools = list(suite.tools)
    for text in given:
        new = _tool(text, suite)
        at = [(tool.name, tool.abi) for tool in tools].index((new.name, new.abi))
        tools[at] = replace(new, kind=tools[at].kind)
    return replace(suite, tools=tuple(tools))


def _tool(text: str, suite: Suite) -> ToolSource:
    named, equals, file = text.partition("=")
    name, _, abi = named.partition("/")
    if not (equals and name and file):
        raise SuiteError(
            f"--tool does not understand {text!r}",
            hint="write NAME=PATH with a name under `tools:` of the suite, or NAME/ABI=PATH",
        )
    path = Path(file).resolve()
    try:
        program = path.read_bytes()
    except OSError as error:
        raise SuiteError(
            f"cannot be read: {error.strerror}", where=file, hint="name the new program"
        ) from error
    abi = abi or elf.abi(program[: elf.HEADER_BYTES])
    known = [f"{tool.name}/{tool.abi}" for tool in suite.tools]
    if f"{name}/{abi}" not in known:
        told = ", ".join(known) or "none: its targets take what the harness brings"
        raise SuiteError(f"the suite has no tool {name}/{abi}", hint=f"its tools are: {told}")
    return ToolSource(name, abi, Source(path=path, sha256=sha256(program).hexdigest()))


def tools_apart(suite: Suite, other: Suite) -> Facts:
    """Return the hashes of those tools that the other suite has another build of."""
    theirs = {(tool.name, tool.abi): tool.source.sha256 for tool in other.tools}
    return {
        f"{tool.name} ({tool.abi})": tool.source.sha256
        for tool in suite.tools
        if theirs[tool.name, tool.abi] != tool.source.sha256
    }


def with_runtime(suite: Suite, folder: Path) -> Suite:
    """Return a suite whose web targets run what npm installed in another `node_modules`.

    Raises:
        SuiteError: no target takes a runtime from there, or it is not whole.
    """
    targets = tuple(
        replace(target, kept=KeptBuild({}, folder)) if _manifests(target) else target
        for target in suite.targets
    )
    if targets == suite.targets:
        raise SuiteError(
            "no target of this suite takes its runtime from a folder of npm",
            hint="leave --runtime away, and name tools with --tool",
        )
    changed = replace(suite, targets=targets)
    runtimes_in(changed)
    return changed


def runtimes_in(suite: Suite) -> Facts:
    """Return the versions of what targets run in the place of what is installed.

    Raises:
        SuiteError: it is not there, or not whole.
    """
    return {
        _called(target): _version(target.kept.runtime, target)
        for target in suite.targets
        if target.kept is not None and target.kept.runtime is not None
    }


def runtimes_of(results: ResultFolder, suite: Suite) -> Facts:
    """Return the versions that these targets ran when the old folder was measured."""
    ran: dict[str, Scalar] = {}
    for run in results.runs:
        for fact in _VERSIONS:
            if fact in run.subject:
                ran.setdefault(str(run.setting.get("driver")), run.subject[fact])
    return {_called(target): ran.get(target.driver) for target in suite.targets if target.kept}


def _called(target: Target) -> str:
    return f"runtime of {target.driver}"


def _manifests(target: Target) -> tuple[str, ...]:
    """Return the places of the `package.json` of what a target's driver runs, if npm has it."""
    found = driver(target.driver)
    if not isinstance(found, KeepsRuntime):
        return ()
    try:
        return tuple(name for name in found.runtime_files() if name.endswith("package.json"))
    except HarnessError as error:
        raise SuiteError(error.message, where=target.name, hint=error.hint) from error


def _version(folder: Path, target: Target) -> str:
    return ", ".join(sorted(set(_versions(folder, target))))


def _versions(folder: Path, target: Target) -> Iterator[str]:
    for name in _manifests(target):
        try:
            yield str(json.loads((folder / name).read_bytes())["version"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise SuiteError(
                f"there is no {name} in it, or it is not whole: {error}",
                where=str(folder),
                hint="name the node_modules in which npm installed the other version",
            ) from error
