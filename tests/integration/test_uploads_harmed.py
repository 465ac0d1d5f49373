# SPDX-License-Identifier: GPL-2.0-or-later
"""Uploads that are harmed at random moments: the short form of tests/soak/run --uploads."""

import os
import sys

import pytest
from harness import TESTS

sys.path.insert(0, os.path.join(TESTS, "soak"))

from uploads import KINDS, Uploads, server_to_harm  # noqa: E402

from serve import server_class  # noqa: E402

EACH = 1


@pytest.mark.seconds(170)
@pytest.mark.parametrize(
    "kind, mode",
    [("vsftpd", "plain"), ("proftpd", "plain"), ("pyftpdlib", "plain"), ("proftpd", "writeback")],
)
def test_no_harm_to_an_upload_loses_anything_silently(
    servers, mount, home, monkeypatch, kind, mode
):
    monkeypatch.setenv("STATE_DIRECTORY", home)
    with server_to_harm(server_class(kind), servers.authority) as found:
        server, replies, disk = found
        mounted = mount(server, timeout=5, writeback=mode == "writeback")
        uploads = Uploads(mounted, server, replies, disk, None, mode == "writeback")
        for harm in KINDS:
            uploads.run(harm, EACH)
            print(harm, uploads.line(harm))
        assert mounted.unmount() == 0
        assert uploads.losses == []
        assert uploads.left_over() == []
