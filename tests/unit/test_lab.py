"""devices.yaml: strict as suites are; aliases and tags become targets on phones."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import lab, plan
from harness.errors import SuiteError
from harness.model import Phone
from harness.plugins import driver
from harness.serials import bench_of
from harness.suite.finding import SuiteMistakes
from harness.suite.load import parse
from harness.suite.values import Suite

LAB = """\
socs: {g3: {big: 4-8, little: 0-3}, plain: {big: 6-7}}
phones:
  pixel8-a: {serial: AAA111, tags: [nightly, pixel8], soc: g3}
  pixel8-b: {serial: BBB222, tags: [nightly, pixel8], soc: plain}
  far: {serial: emulator-5554, tags: [far], adb: {host: lab-3}}
  sleeper: {virtual: {cpu_free: true}, tags: [pretend]}
  worker: {virtual: {}, tags: [pretend]}
"""
SUITE = """\
suite: s
models: {{net: {{generate: blazeface_front}}}}
targets:
{targets}
sampling: {{blocks: 1, memory_runs: 0}}
"""


class Seen:
    """One phone is attached, and these are free."""

    def __init__(self, *free: str, only: str | None = None) -> None:
        self.free, self.only = free, only

    def only_one(self) -> str | None:
        return self.only

    def is_free(self, phone: Phone) -> bool:
        return phone.alias in self.free


def a_lab(tmp_path: Path, text: str = LAB) -> lab.Lab:
    path = tmp_path / "devices.yaml"
    path.write_text(text)
    return lab.load(path)


def a_suite(*devices: str, variant: str = "{threads: 1}") -> Suite:
    lines = [
        f"  t{number}: {{driver: android-tflite, device: {device}, variants: {{v: {variant}}}}}"
        for number, device in enumerate(devices, start=1)
    ]
    return parse(SUITE.format(targets="\n".join(lines)), Path("s.yaml"))


def told(error: pytest.ExceptionInfo[SuiteMistakes]) -> str:
    (finding,) = error.value.findings
    return f"{finding.line}:{finding.column} {finding.message}; {finding.suggestion}"


def test_an_alias_is_its_phone(tmp_path: Path) -> None:
    (target,) = lab.place(a_suite("pixel8-a"), a_lab(tmp_path), Seen()).targets
    assert target.name == "t1"
    assert target.phone is not None
    assert (target.phone.serial, target.options.device) == ("AAA111", "AAA111")


def test_a_tag_is_a_target_per_phone_with_its_alias_in_the_name(tmp_path: Path) -> None:
    placed = lab.place(a_suite("{tag: nightly}"), a_lab(tmp_path), Seen())
    assert [target.name for target in placed.targets] == ["t1@pixel8-a", "t1@pixel8-b"]
    lanes = plan.make(placed, {"android-tflite": driver("android-tflite")}).lanes
    assert [lane.bench for lane in lanes] == [bench_of("AAA111"), bench_of("BBB222")]


def test_any_is_the_first_free_phone_that_no_other_target_has(tmp_path: Path) -> None:
    phones, free = a_lab(tmp_path), Seen("pixel8-a", "pixel8-b")

    def chosen(*devices: str, seen: Seen = free) -> list[str]:
        targets = lab.place(a_suite(*devices), phones, seen).targets
        return [target.phone.alias for target in targets if target.phone]

    assert chosen("{any: pixel8}") == ["pixel8-a"]
    assert chosen("{any: pixel8}", seen=Seen("pixel8-b")) == ["pixel8-b"]
    assert chosen("{any: pixel8}", "{any: pixel8}") == ["pixel8-a", "pixel8-b"]
    assert chosen("{any: pixel8}", "pixel8-a") == ["pixel8-b", "pixel8-a"]
    assert chosen("{any: pixel8}", seen=Seen()) == ["pixel8-a"]


def test_a_resumed_session_keeps_the_phone_that_any_meant(tmp_path: Path) -> None:
    seen, before = Seen("pixel8-a"), {"t1": bench_of("BBB222")}
    (target,) = lab.place(a_suite("{any: pixel8}"), a_lab(tmp_path), seen, before=before).targets
    assert target.phone is not None
    assert target.phone.alias == "pixel8-b"


@pytest.mark.parametrize("devices", [("AAA111", "auto"), ("pixel8-a", "AAA111"), ("auto", "auto")])
def test_a_phone_is_one_bench_by_whatever_name(tmp_path: Path, devices: tuple[str, ...]) -> None:
    seen = Seen(only="AAA111")
    for phones in (a_lab(tmp_path), lab.Lab()):
        if phones.path is None and "pixel8-a" in devices:
            continue
        placed = lab.place(a_suite(*devices), phones, seen)
        lanes = plan.make(placed, {"android-tflite": driver("android-tflite")}).lanes
        assert [lane.bench for lane in lanes] == [bench_of("AAA111")]


def test_a_place_seen_from_another_host_is_another_phone() -> None:
    assert bench_of("AAA111") == bench_of("AAA111", "lab-3")
    assert bench_of("emulator-5554") == bench_of("emulator-5554", "127.0.0.1")
    assert bench_of("emulator-5554") != bench_of("emulator-5554", "lab-3")
    assert bench_of("127.0.0.1:5555", "lab-3") != bench_of("127.0.0.1:5555", "lab-4")
    assert bench_of("10.0.0.7:5555") == bench_of("10.0.0.7:5555", "lab-3")


def test_chrome_and_the_shell_of_a_phone_are_one_bench(tmp_path: Path) -> None:
    web = "driver: web-tfjs, browser: chrome-android, variants: {v: {wasm: simd}}"
    targets = (
        f"  chrome: {{device: pixel8-b, {web}}}\n"
        "  shell: {driver: android-tflite, device: BBB222, variants: {v: {threads: 1}}}\n"
        f"  every: {{device: {{tag: nightly}}, {web}}}\n"
        "  here: {driver: web-tfjs, variants: {v: {wasm: simd}}}"
    )
    suite = parse(SUITE.format(targets=targets), Path("s.yaml"))
    placed = lab.place(suite, a_lab(tmp_path), Seen(only="AAA111")).targets
    benches = {target.name: plan.bench_of(target, driver(target.driver)) for target in placed}
    assert benches == {
        "chrome": bench_of("BBB222"),
        "shell": bench_of("BBB222"),
        "every@pixel8-a": bench_of("AAA111"),
        "every@pixel8-b": bench_of("BBB222"),
        "here": "host",
    }


def test_a_virtual_device_is_the_hosts_bench_unless_its_work_is_declared_free_of_cpu(
    tmp_path: Path,
) -> None:
    placed = lab.place(a_suite("{tag: pretend}", "virtual"), a_lab(tmp_path), Seen())
    drivers = {"android-tflite": driver("android-tflite")}
    assert {lane.bench for lane in plan.make(placed, drivers).lanes} == {"virtual:sleeper", "host"}
    assert all(driver("android-tflite").is_virtual(target.options) for target in placed.targets)


def test_a_serial_works_with_a_lab_and_without(tmp_path: Path) -> None:
    for phones in (lab.Lab(), a_lab(tmp_path)):
        (target,) = lab.place(a_suite("R58M12ABCDE"), phones, Seen()).targets
        assert target.phone is not None
        assert target.phone.bench == bench_of("R58M12ABCDE")


def test_a_name_of_cores_is_what_the_phones_soc_says(tmp_path: Path) -> None:
    suite = a_suite("{tag: nightly}", variant="{cores: big}")
    placed = lab.place(suite, a_lab(tmp_path), Seen())
    assert [t.variants[0].options.core_set for t in placed.targets] == [
        frozenset(range(4, 9)),
        frozenset({6, 7}),
    ]


@pytest.mark.parametrize(
    ("device", "variant", "message"),
    [
        ("pixel8-x", "{}", "4:40 device: "),
        ("pixel8-x", "{}", "did you mean 'pixel8-"),
        ("a-phone", "{}", "its phones: pixel8-a, pixel8-b, far"),
        ("{tag: nightyl}", "{}", "4:46 device: no phone of "),
        ("{tag: nightyl}", "{}", "did you mean 'nightly'?"),
        ("{any: zzz}", "{}", "its tags: far, nightly, pixel8, pretend"),
        ("pixel8-a", "{cores: bigg}", "4:72 cores: pixel8-a has no cores named 'bigg'"),
        ("pixel8-a", "{cores: bigg}", "did you mean 'big'?"),
        ("far", "{cores: big}", "write 4-7, or give it a soc in devices.yaml"),
    ],
)
def test_what_the_lab_does_not_have_is_told_with_its_place(
    tmp_path: Path, device: str, variant: str, message: str
) -> None:
    with pytest.raises(SuiteMistakes) as error:
        lab.place(a_suite(device, variant=variant), a_lab(tmp_path), Seen())
    assert message in told(error)


def test_a_tag_without_a_lab_says_how_to_name_one() -> None:
    with pytest.raises(SuiteMistakes) as error:
        lab.place(a_suite("{tag: nightly}"), lab.Lab(), Seen())
    assert "--devices" in told(error)


def test_two_targets_of_one_name_are_refused(tmp_path: Path) -> None:
    suite = parse(
        SUITE.format(
            targets="  t: {driver: android-tflite, device: {tag: pixel8}, variants: {v: {}}}\n"
            "  t@pixel8-a: {driver: android-tflite, device: virtual, variants: {v: {}}}"
        ),
        Path("s.yaml"),
    )
    with pytest.raises(SuiteMistakes, match="is there twice"):
        lab.place(suite, a_lab(tmp_path), Seen())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begin with `phones:`"),
        ("phones: {}", "1:9"),
        ("- a", "devices.yaml is keys and values"),
        ("phones: {a: {serail: X1}}", "did you mean 'serial'?"),
        ("phones: {a: {}}", "a: a phone needs its `serial`"),
        ("phones: {a: {serial: 12345678}}", 'quote it: "12345678"'),
        ("phones: {auto: {serial: X1}}", "'auto' has a meaning of its own"),
        ("phones: {a: {serial: X1}, b: {serial: X1}}", "serial: 'a' has this serial too"),
        ("phones: {a: {serial: X1, soc: g3}}", "declare it under `socs:`"),
        (
            "phones: {a: {serial: X1, soc: tensor}}\nsocs: {tensor1: {big: 4-7}}",
            "did you mean 'tensor1'?",
        ),
        ("phones: {a: {serial: X1}}\nsocs: {g3: {big: 4-}}", "names no cores"),
        ("phones: {a: {serial: X1}}\nsocs: {g3: {Big: 4}}", "lower-case word"),
        ("phones: {a: {serial: X1, adb: {host: x, port: 99999}}}", "less than 65536"),
        ("phones: {a: {virtual: {}, adb: {host: x}}}", "its own adb server"),
        ("phones: {a: {serial: X1}}\nphones: {}", "duplicate key 'phones'"),
    ],
)
def test_a_mistake_in_the_lab_is_told_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SuiteMistakes) as error:
        a_lab(tmp_path, text)
    assert message in str(error.value)
    assert "devices.yaml:" in str(error.value)
    assert "docs/phones.md" in error.value.hint


def test_the_file_is_found_by_flag_variable_folder_and_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEBENCH_DEVICES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert lab.find(None) is None
    (tmp_path / "config" / "edgebench").mkdir(parents=True)
    (tmp_path / "config" / "edgebench" / "devices.yaml").write_text(LAB)
    assert lab.find(None) == tmp_path / "config" / "edgebench" / "devices.yaml"
    Path("devices.yaml").write_text(LAB)
    assert lab.find(None) == Path("devices.yaml")
    monkeypatch.setenv("EDGEBENCH_DEVICES", "elsewhere.yaml")
    assert lab.find(None) == Path("elsewhere.yaml")
    assert lab.find(Path("named.yaml")) == Path("named.yaml")
    with pytest.raises(SuiteError, match="there is no such file"):
        lab.load(Path("named.yaml"))
