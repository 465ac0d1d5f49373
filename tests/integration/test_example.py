# SPDX-License-Identifier: GPL-2.0-or-later
"""The example of tests/README.md: a fault and a quirk of a server."""

import os

from scripted_faults import Data

pytest_plugins = ["scripted_fixtures"]


def test_a_download_that_is_cut_off_is_taken_up_again(server, mounted):
    server.tree.put("/file", b"0123456789")
    fault = server.fault("RETR", Data(cut=3), times=1)
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"0123456789"
    assert fault.hits == 1
    assert server.count("RETR") == 2


def test_without_mlst_a_size_comes_from_the_listing(scripted, mount):
    server = scripted(mlst=False)
    server.tree.put("/file", b"0123456789")
    mounted = mount(server)
    server.forget()
    assert os.stat(mounted.at("file")).st_size == 10
    assert server.count("LIST") == 1
    assert server.count("MLST", "MLSD") == 0
