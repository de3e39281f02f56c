"""Models and tools as files on this disk: generated, found by path, or fetched and checked.

Artefacts live in a cache that may be deleted at any time. Whatever has a pinned sha256 is
checked against it; a download that does not match leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness import locations
from harness.errors import SuiteError
from harness.options import Options
from harness.outputs import Precision
from harness.plugins import (
    MODEL_FORMATS,
    ModelFile,
    ModelFormat,
    ToolFile,
    build_network,
    network_options,
    registry,
)
from harness.suite.values import Generated, ModelSource, Source, ToolSource
from harness.workload_files import found_workload

_MAIN_FILE: Mapping[ModelFormat, str] = {
    "tflite": "model.tflite",
    "tfjs": "model.json",
    "onnx": "model.onnx",
}
_FETCH_LIMIT_BYTES = 4 << 30
_FETCH_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Fetched:
    """A download: where it lies in the cache, and its sha256 as suites pin it."""

    path: Path
    sha256: str


def model_files(
    source: ModelSource, formats: Collection[ModelFormat] = MODEL_FORMATS
) -> Mapping[ModelFormat, ModelFile]:
    """Return a model's file in every one of the formats that it has (`why_absent` of others).

    Raises:
        SuiteError: a file is missing, unreadable, or not the one that is pinned.
        PluginError: writing a format needs a package that is not installed.
    """
    workload = found_workload(source.workload) if source.workload else None
    return {
        format_: replace(file, workload=workload)
        for format_, file in _files_alone(source, formats).items()
    }


def _files_alone(
    source: ModelSource, formats: Collection[ModelFormat]
) -> Mapping[ModelFormat, ModelFile]:
    if source.generated:
        return {
            format_: _generated(source.generated, format_)
            for format_ in formats
            if not why_absent(source.generated, format_)
        }
    return {
        format_: _model_file(format_, file, source.origin)
        for format_, file in source.files.items()
        if format_ in formats
    }


def files_of(model: ModelFile) -> Mapping[str, Path]:
    """Return every file that a model consists of, by its path from the folder of the first.

    Raises:
        SuiteError: it is no TF.js model any more.
    """
    files = _tfjs_files(model.path) if model.format == "tfjs" else [model.path]
    return {path.relative_to(model.path.parent).as_posix(): path for path in files}


def why_absent(source: Generated, format_: ModelFormat) -> str:
    """Say why a generated model has no file of that format, naming operators, or ''."""
    from harness.graphs.written_files import why_not_written

    return why_not_written(described(source), format_, source.precision)


def described(source: Generated) -> Any:
    """Return the `Graph` of a generated model; its weights are drawn when they are first read."""
    return _network(source.network, source.seed, source.options.model_dump_json())


def tool_files(tools: Iterable[ToolSource]) -> Mapping[str, Mapping[str, ToolFile]]:
    """Return tool name → ABI → file for those tools whose files are here or can be fetched.

    Raises:
        SuiteError: a file is missing, not pinned, or not the one that is pinned.
    """
    found: dict[str, dict[str, ToolFile]] = {}
    for tool in tools:
        path, digest = _local("tool", tool.source)
        if tool.source.sha256 is None:
            raise SuiteError(
                f"the tool {tool.name!r} is not pinned: nothing says which build it must be",
                where=tool.source.name,
                hint="run `edgebench lock SUITE`, which checks its ABI and writes its sha256",
            )
        build = ToolFile(tool.name, tool.abi, path, digest, tool.kind)
        found.setdefault(tool.name, {})[tool.abi] = build
    return found


def fetch(url: str, format_: ModelFormat | None = None) -> Fetched:
    """Download a file (with `tfjs`, its weight shards too) into the cache, whatever its hash.

    Raises:
        SuiteError: it cannot be fetched.
    """
    with _staging() as folder:
        main = folder / _file_name(url)
        _download(url, main)
        if format_ == "tfjs":
            for shard in _shard_names(main):
                inside = folder / shard
                inside.parent.mkdir(parents=True, exist_ok=True)
                _download(urllib.parse.urljoin(url, shard), inside)
        digest = _digest(main, format_)
        target = _place(digest)
        kept = target / main.name
        if kept.is_file() and _is(kept, format_, digest):
            return Fetched(kept, digest)
        if target.is_dir():
            # What lies there is damaged, or has another name: it is moved away whole.
            with suppress(OSError):
                os.rename(target, folder.with_name(f"{folder.name}-old"))  # noqa: PTH104  as below
        _keep(folder, target)
        shutil.rmtree(folder.with_name(f"{folder.name}-old"), ignore_errors=True)
        return Fetched(target / main.name, digest)


def _generated(source: Generated, format_: ModelFormat) -> ModelFile:
    made = f"{source.network}-{source.seed}{_digest_of(source.options)}-{_generator_id()}"
    kind = format_ if source.precision == "fp32" else f"{format_}-{source.precision}"
    folder = locations.cache() / "generated" / made / kind
    if not folder.is_dir():
        graph = described(source)
        with _staging() as staging:
            for name, data in _written(graph, format_, source.precision).items():
                (staging / name).write_bytes(data)
            _keep(staging, folder)
    return _described(format_, folder / _MAIN_FILE[format_])


def _digest_of(options: Options) -> str:
    """Return what a folder's name says of options: nothing of none, and never two the same."""
    if not type(options).model_fields:
        return ""
    return f"-{sha256(options.model_dump_json().encode()).hexdigest()[:12]}"


@lru_cache(maxsize=1)
def _network(name: str, seed: int, options: str) -> Any:
    """Build a network once for all files that are written of it one after another.

    `options` are JSON, since options need not be hashable.
    """
    network = registry("models").get(name)
    return build_network(network, seed, network_options(network).model_validate_json(options))


def _written(graph: Any, format_: ModelFormat, precision: Precision) -> Mapping[str, bytes]:
    if format_ == "tfjs":
        from harness.graphs.tfjs_writer import write_tfjs

        return write_tfjs(graph)
    if format_ == "onnx":
        from harness.graphs.onnx_writer import write_onnx

        return {_MAIN_FILE[format_]: write_onnx(graph)}
    from harness.graphs.tflite_precisions import write_tflite_file

    return {_MAIN_FILE[format_]: write_tflite_file(graph, precision)}


@cache
def _generator_id() -> str:
    """Hash the generator's own code, so that a changed generator never serves an old model."""
    package = Path(__file__).parent
    digest = sha256()
    for path in sorted([*package.glob("graphs/*.py"), *package.glob("models/*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _model_file(format_: ModelFormat, source: Source, origin: str) -> ModelFile:
    path, _ = _local(f"{format_} model", source, format_, origin)
    return _described(format_, path)


def _described(format_: ModelFormat, path: Path) -> ModelFile:
    files = _tfjs_files(path) if format_ == "tfjs" else [path]
    size = sum(file.stat().st_size for file in files)
    return ModelFile(format_, path, _digest(path, format_), size)


def _local(
    what: str, source: Source, format_: ModelFormat | None = None, origin: str = ""
) -> tuple[Path, str]:
    if source.path is not None:
        if not source.path.is_file():
            raise SuiteError(
                f"the {what} is not there",
                where=str(source.path),
                hint=f"the suite says where it comes from: {origin}"
                if origin
                else "correct the path in the suite; relative paths count from the suite's folder",
            )
        digest = _digest(source.path, format_)
        _require(source, digest)
        return source.path, digest
    url, pinned = source.url or "", source.sha256 or ""
    cached = _place(pinned) / _file_name(url)
    if cached.is_file() and _is(cached, format_, pinned):
        return cached, pinned
    fetched = fetch(url, format_)
    try:
        _require(source, fetched.sha256)
    except SuiteError:
        shutil.rmtree(fetched.path.parent, ignore_errors=True)
        raise
    return fetched.path, fetched.sha256


def _place(digest: str) -> Path:
    """Return the folder of the content with that hash, in a cache that several processes share."""
    return locations.cache() / "sha256" / digest


def _is(path: Path, format_: ModelFormat | None, digest: str) -> bool:
    try:
        return _digest(path, format_) == digest
    except SuiteError:  # a damaged model.json, or a weight file that is gone
        return False


def _require(source: Source, digest: str) -> None:
    if source.sha256 and source.sha256 != digest:
        raise SuiteError(
            f"its sha256 is {digest}, the suite pins {source.sha256}",
            where=source.name,
            hint="if the change is meant, remove the pin and run `edgebench lock SUITE`; "
            "nothing was kept",
        )


def _digest(path: Path, format_: ModelFormat | None) -> str:
    if format_ == "tfjs":
        parts = [_sha256(file) for file in _tfjs_files(path)]
        return sha256("\n".join(parts).encode()).hexdigest()
    return _sha256(path)


def _sha256(path: Path) -> str:
    digest = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise SuiteError(
            f"cannot be read: {error.strerror}", where=str(path), hint="check the path in the suite"
        ) from error
    return digest.hexdigest()


def _tfjs_files(model_json: Path) -> list[Path]:
    return [model_json, *sorted(model_json.parent / name for name in _shard_names(model_json))]


def _shard_names(model_json: Path) -> list[str]:
    try:
        manifest: Any = json.loads(model_json.read_bytes())["weightsManifest"]
        names = [str(name) for group in manifest for name in group["paths"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SuiteError(
            "this is not a TF.js model.json: no weights manifest in it",
            where=str(model_json),
            hint="name the model.json that the TF.js converter wrote",
        ) from error
    for name in names:
        # A manifest from elsewhere must not name files outside its own folder.
        if Path(name).is_absolute() or ".." in Path(name).parts or ":" in name:
            raise SuiteError(
                f"the weights manifest names {name!r}, outside the model's folder",
                where=str(model_json),
                hint="do not use this model: its manifest is hostile or broken",
            )
    return names


def _file_name(url: str) -> str:
    name = Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    return name or "download"


def _download(url: str, target: Path) -> None:
    if not url.startswith(("https://", "http://")):
        raise SuiteError("only http and https URLs are fetched", where=url, hint="name a path")
    try:
        # The scheme was checked above; S310 cannot see it.
        with (
            urllib.request.urlopen(url, timeout=_FETCH_TIMEOUT_S) as answer,  # noqa: S310
            target.open("wb") as file,
        ):
            received = 0
            while block := answer.read(1 << 20):
                received += len(block)
                if received > _FETCH_LIMIT_BYTES:
                    raise SuiteError("is larger than 4 GiB", where=url, hint="name a path instead")
                file.write(block)
            expected = answer.headers.get("Content-Length")
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise SuiteError(
            f"cannot be fetched: {getattr(error, 'reason', None) or error}",
            where=url,
            hint="check the address and the network, or fetch the file yourself and name its path",
        ) from error
    if expected is not None and int(expected) != received:
        raise SuiteError(
            f"the download ended after {received} of {expected} bytes", where=url, hint="try again"
        )


@contextmanager
def _staging() -> Iterator[Path]:
    """Give a folder in the cache that is gone at the end, unless it was moved to its place."""
    base = locations.cache()
    try:
        base.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=base))
    except OSError as error:
        raise _cache_refused(base, error) from error
    try:
        yield folder
    except OSError as error:
        raise _cache_refused(base, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cache_refused(path: Path, error: OSError) -> SuiteError:
    return SuiteError(
        f"the cache cannot be written: {error.strerror}",
        where=str(path),
        hint="free some space there, or set EDGEBENCH_CACHE to another folder",
    )


def _keep(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Another process may have put the same content there first; either copy will do.
    with suppress(OSError):
        os.rename(folder, target)  # noqa: PTH104  Path.rename would replace an empty folder
    if not target.is_dir():
        shutil.copytree(folder, target)
