"""The generated networks have the memory that the article's have, tensor by tensor."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory_records import MODELS

from harness.graphs.tflite_reader import read_tflite
from harness.graphs.tflite_writer import write_tflite
from harness.memory_plan.comparison import Comparison, compare
from harness.memory_plan.records import RecordSet
from harness.memory_plan.tflite_records import record_sets
from harness.plugins import build_network, registry

MIB = 2**20


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory: pytest.TempPathFactory) -> RecordSet:
    path: Path = tmp_path_factory.mktemp("generated") / "mobilenet_v2.tflite"
    path.write_bytes(write_tflite(build_network(registry("models").get("mobilenet_v2"), 1)))
    (records,) = record_sets(read_tflite(path))
    return records


@pytest.fixture(scope="module")
def compared(mobilenet: RecordSet) -> Comparison:
    return compare(mobilenet)


def test_only_the_number_of_classes_sets_it_apart_from_the_published_one(
    mobilenet: RecordSet,
) -> None:
    ours = [[record.size_bytes, record.first, record.last] for record in mobilenet.records]
    published = MODELS["mobilenet_v2_1.0_224"]
    assert ours[:-1] == published[:-1]
    classes_of_four_bytes = (ours[-1], published[-1])
    assert classes_of_four_bytes == ([4 * 1000, 63, 64], [4 * 1001, 63, 64])


def test_its_memory_is_the_articles(compared: Comparison) -> None:
    assert compared.naive_bytes == 27_587_104
    assert round(compared.naive_bytes / MIB, 2) == 26.31
    assert round(compared.shared_bound_bytes / MIB, 3) == 6.604
    assert round(compared.offset_bound_bytes / MIB, 3) == 5.742
    assert round(compared.best_of.total_bytes / MIB, 3) == 5.742
    assert compared.offset_optimum.proof == "bound"
    least = min(plan.total_bytes for plan in compared.shared)
    assert round(least / MIB, 3) == 6.699
    assert compared.shared_optimum.plan.total_bytes == least
    assert compared.shared_optimum.proof == "solver"


def test_seven_mib_are_the_articles_four_objects(compared: Comparison) -> None:
    least = min(compared.shared, key=lambda plan: plan.total_bytes)
    assert least.strategy == "greedy by size improved"
    assert least.object_sizes == (4_816_896, 1_806_336, 301_056, 100_352)
