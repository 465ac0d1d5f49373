# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures for the tests against the scripted server: pytest_plugins = ["scripted_fixtures"].

scripted   makes a ScriptedServer with options for this test
server     one without
mounted    a mount of that with a short timeout, whose cache forgets at once
"""

import pytest

from scripted import ScriptedServer
from scripted_mount import OPTIONS


@pytest.fixture
def scripted(all_servers, deadline):
    """scripted(kind=..., **options) -> ScriptedServer, running, for this test alone."""
    made = []

    def make(kind=ScriptedServer, **options):
        server = kind(authority=all_servers.authority, **options)
        made.append(server)
        return server.start()

    yield make
    for server in made:
        server.close()
    assert [error for server in made for error in server.errors] == []


@pytest.fixture
def server(scripted):
    return scripted()


@pytest.fixture
def mounted(server, mount):
    return mount(server, **OPTIONS)
