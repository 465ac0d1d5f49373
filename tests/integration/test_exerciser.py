# SPDX-License-Identifier: GPL-2.0-or-later
"""Random operations against a model (tests/exerciser.py), on each server.

FTPSFS_EXERCISER=20000 makes it so many operations, FTPSFS_EXERCISER_SEED=n repeats a run.
"""

import os
import sys

import pytest
from harness import TESTS, eventually

sys.path.insert(0, TESTS)

from exerciser import Exerciser  # noqa: E402

OPERATIONS = int(os.environ.get("FTPSFS_EXERCISER", "300"))
SEED = os.environ.get("FTPSFS_EXERCISER_SEED")
SECONDS = 90 + OPERATIONS // 10


def exercise(site, mount, max_size=400_000, **options):
    mounted = mount(cache_size="4M", **options)
    exerciser = Exerciser(mounted.path, site.root, int(SEED) if SEED else None, max_size)
    print(f"seed {exerciser.seed}, {OPERATIONS} operations")
    exerciser.run(OPERATIONS)
    # The kernel tells the end of an unlinked file when nobody waits for that any more.
    eventually(lambda: not [name for name in site.names() if name.startswith(".")])


@pytest.mark.seconds(SECONDS)
def test_random_operations_agree_with_a_model(site, mount):
    exercise(site, mount)


@pytest.mark.seconds(SECONDS)
def test_random_operations_on_a_large_file_agree_with_a_model(site, mount):
    exercise(site, mount, max_size=3_000_000)


@pytest.mark.seconds(SECONDS)
def test_random_operations_with_atomic_uploads_agree_with_a_model(site, mount):
    exercise(site, mount, atomic_upload=True)


@pytest.mark.seconds(SECONDS)
def test_random_operations_with_writeback_agree_with_a_model(site, mount, home, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", home)
    mounted = mount(cache_size="4M", writeback=True)
    exerciser = Exerciser(
        mounted.path, site.root, int(SEED) if SEED else None, 400_000, writeback=True
    )
    print(f"seed {exerciser.seed}, {OPERATIONS} operations")
    exerciser.run(OPERATIONS)
    assert mounted.unmount() == 0
    assert site.names() == ([exerciser.name] if exerciser.name else [])
    exerciser.check_behind("the unmount")


@pytest.mark.seconds(SECONDS)
def test_random_operations_on_one_connection_agree_with_a_model(site, mount):
    exercise(site, mount, connections=1)
