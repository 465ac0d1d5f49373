# SPDX-License-Identifier: GPL-2.0-or-later
"""ftpsfs --probe says what a server is like, without a mount, and leaves nothing there."""

import hashlib
import json
import os
import re
import signal
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from scripted_dialects import DIALECTS
from scripted_faults import Gate, Reply

from harness import BINARY, COMMAND_SECONDS, credentials_file, environment, run_ftpsfs, source_for

pytest_plugins = ["scripted_fixtures"]

UNREACHABLE, UNTRUSTED, NO_LOGIN, NO_LISTING = 3, 4, 5, 6
WRITES = ("STOR", "APPE", "RNFR", "DELE", "MFMT", "MKD")
HIDDEN = ".ftpsfs-probe-"


def options_of(home, server, **options):
    """The words that a mount of the server would get."""
    options.setdefault("cafile", server.cafile)
    options.setdefault("credentials", credentials_file(home, server.user, server.password))
    if server.explicit:
        options.setdefault("explicit", True)
    words = [n if v is True else f"{n}={v}" for n, v in options.items() if v is not None]
    return ["-o", ",".join(words)] if words else []


def probe_text(home, server, *words, directory="", status=0, **options):
    """What it prints, and what it says of a failure."""
    result = run_ftpsfs(
        "--probe",
        source_for(server, directory),
        *options_of(home, server, **options),
        *words,
        home=home,
        timeout=COMMAND_SECONDS,
    )
    assert result.returncode == status, result.stderr + result.stdout
    assert server.password not in result.stdout + result.stderr
    return result.stdout, result.stderr


def probe(home, server, *words, **options):
    return json.loads(probe_text(home, server, "--json", *words, **options)[0])


def left_in(server):
    return [name for _, dirs, files in os.walk(server.root) for name in dirs + files]


def leftovers(server):
    return [name for name in left_in(server) if name.startswith(HIDDEN)]


def state_of(told, name):
    return {row["name"]: row["state"] for row in told["capabilities"]}[name]


def fingerprint(certificate):
    der = certificate.load().public_bytes(serialization.Encoding.DER)
    return hashlib.sha256(der).digest().hex(":").upper()


@pytest.fixture(params=["vsftpd", "proftpd", "pyftpdlib", "pureftpd"])
def real(request, servers):
    if request.param == "pureftpd":
        return servers.make("pureftpd", explicit=True)
    return servers.get(request.param)


def test_real_servers_are_described(real, servers, home):
    told = probe(home, real)
    good = servers.authority.good()
    assert told["addresses"][0]["address"] == real.host
    assert told["addresses"][0]["connect_us"] > 0
    assert told["tls"]["version"] == "TLS1.3" and told["tls"]["verified"]
    assert told["tls"]["cipher"].startswith("TLS_") and told["tls"]["key_share"]
    assert told["certificates"][0]["sha256"] == fingerprint(good)
    assert told["certificates"][0]["pin"] == good.pin()
    assert told["certificates"][0]["names"] == "localhost, 127.0.0.1, ::1"
    assert [row["version"] for row in told["handshakes"]] == ["1.3", "1.2"]
    assert all(row["offered"] for row in told["handshakes"])
    assert sorted(row["version"] for row in told["data_connections"]) == ["1.2", "1.3"]
    assert told["greeting"] and told["system"][0].startswith("UNIX")
    assert any(line.startswith("SIZE") for line in told["feat"])
    assert told["directory"]["login"].startswith("/")
    assert told["clock"]["ahead_s"] == 0
    assert told["write"]["tried"] and told["write"]["rename"] == "yes"
    assert told["write"]["set_time"] == "yes"
    assert told["sessions"] == {"wanted": 8, "got": 8}
    assert 2 <= told["read"]["round_trips"] <= 4
    assert state_of(told, "EPSV") == "yes"
    assert state_of(told, "EPSV early") == "yes"
    awaited, early = state_of(told, "close_notify awaited"), state_of(told, "close_notify early")
    assert awaited == "yes" or early == "unknown"  # what is not waited for is not tried earlier
    assert (awaited, early) == ("yes", "yes") or real.name != "vsftpd"
    assert early != "yes" or real.name != "pyftpdlib"
    assert "outcome" not in told
    assert leftovers(real) == []


def test_what_differs_between_servers_is_told(servers, home):
    told = {kind: probe(home, servers.get(kind)) for kind in ("vsftpd", "proftpd", "pyftpdlib")}
    assert told["vsftpd"]["directory"]["kind"] == "LIST"
    assert told["vsftpd"]["directory"]["dialect"] == "unix"
    assert told["proftpd"]["directory"]["kind"] == "MLSD"
    assert any("no MLSD" in warning for warning in told["vsftpd"]["warnings"])
    assert not any("no MLSD" in warning for warning in told["proftpd"]["warnings"])
    assert all(one["write"]["restart"] == "yes" for one in told.values())
    for one in told.values():
        for row in one["data_connections"]:
            assert 0 < row["resumed"] <= row["connections"]


def test_the_page_is_aligned_and_ends_with_the_warnings(real, home):
    text, trouble = probe_text(home, real)
    assert trouble == ""
    lines = text.splitlines()
    assert lines[0].startswith(f"ftps://{real.user}@{real.host}:{real.port}/")
    first = lines[1 : lines.index("")]
    assert all(line[21] == " " and line[22] != " " for line in first if len(line) > 22)
    labels = [line[2:22].strip() for line in first if line[2:22].strip()]
    assert labels[:4] == ["address", "greeting", "TLS", "cipher"]
    for label in (
        "pin",
        "resumption",
        "FEAT",
        "listing",
        "clock",
        "restart in place",
        "small read",
    ):
        assert label in labels
    after = lines[lines.index("Warnings") + 1 :]
    assert after and all(line.startswith(("  - ", "  none")) for line in after)
    assert "\033" not in text


def test_the_pin_line_is_taken_as_it_is(servers, home):
    server = servers.make("pyftpdlib", certificate="wrong-name")
    text, _ = probe_text(home, server, status=UNTRUSTED)
    pin = re.search(r"^  pin +-o (tls_pin=\S+)$", text, re.M)[1]
    name, _, value = pin.partition("=")
    told = probe(home, server, tls_verify="no", **{name: value})
    assert told["login"]["user"] == server.user
    assert not any("anyone on the way" in warning for warning in told["warnings"])


@pytest.mark.parametrize(
    "kind, words",
    [
        ("wrong-name", "elsewhere.example"),
        ("expired", "expired on"),
        ("not-yet-valid", "not valid"),
    ],
)
def test_a_certificate_that_is_refused_is_shown_and_nothing_is_sent(scripted, home, kind, words):
    server = scripted(certificate=kind)
    told = probe(home, server, status=UNTRUSTED)
    assert words in told["tls"]["refusal"] and not told["tls"]["verified"]
    assert told["outcome"]["status"] == UNTRUSTED
    assert told["certificates"][0]["pin"].startswith("sha256//")
    assert [row["offered"] for row in told["handshakes"]] == [True, True]
    assert "login" not in told
    assert "no password was sent" in told["warnings"][0]
    assert set(server.verbs()) == {"GREETING"}


def test_after_auth_tls_nothing_is_sent_to_a_server_that_is_refused(scripted, home):
    server = scripted(explicit=True, certificate="expired")
    probe(home, server, status=UNTRUSTED)
    assert set(server.verbs()) == {"AUTH", "GREETING"}


def test_a_refused_server_gets_the_password_when_the_options_say_so(scripted, home):
    server = scripted(certificate="expired")
    told = probe(home, server, tls_verify="no")
    assert server.count("PASS") > 0
    assert any("anyone on the way" in warning for warning in told["warnings"])


def test_no_password_is_looked_for_before_the_certificate_is_good(scripted, home, tmp_path):
    server = scripted(certificate="expired")
    asked = tmp_path / "asked"
    words = {"credentials": None, "password_command": f"touch {asked}; echo x"}
    probe(home, server, status=UNTRUSTED, **words)
    assert not asked.exists()


def test_without_a_password_there_is_what_can_be_seen_before_the_login(server, home):
    text, trouble = probe_text(home, server, credentials=None, status=NO_LOGIN)
    assert "  pin   " in text and "TLS1.3" in text and "resumption" in text
    assert trouble.startswith("ftpsfs: ") and "password" in trouble
    assert set(server.verbs()) == {"GREETING"}


def test_a_wrong_password_is_told(server, home):
    wrong = credentials_file(home, server.user, "wrong", name="wrong")
    text, trouble = probe_text(home, server, credentials=wrong, status=NO_LOGIN)
    assert "refuses the login" in trouble and "  certificate" in text
    assert re.search(r"^  login +.*refuses the login", text, re.M)


def test_a_server_that_is_not_there_is_told(server, home):
    server.stop()
    told = probe(home, server, status=UNREACHABLE)
    assert "refused" in told["addresses"][0]["failure"]
    assert "tls" not in told


def test_a_directory_that_is_not_there_is_told(server, home):
    text, trouble = probe_text(home, server, directory="absent", status=NO_LISTING)
    assert "/absent" in trouble and "  pin " in text


def test_read_only_nothing_is_written(server, home):
    server.tree.put("/small", b"x" * 100)
    for words in (["-r"], ["-o", "ro"]):
        told = probe(home, server, *words)
        assert told["write"] == {"tried": False, "reason": "-o ro"}
        assert told["read"]["size"] == 100
    assert server.count(*WRITES) == 0


def test_a_server_that_forbids_writing_is_no_failure(server, home):
    server.fault("STOR", Reply("550 Permission denied."))
    told = probe(home, server)
    assert not told["write"]["tried"]
    assert "550 Permission denied" in told["write"]["reason"]
    text, _ = probe_text(home, server)
    assert re.search(
        r" restart in place not tried \(.*550 Permission denied", " ".join(text.split())
    )


def test_all_that_is_written_is_hidden_and_removed(server, home):
    server.tree.makedirs("/sub")
    probe(home, server, directory="sub")
    stored = set(server.arguments("STOR"))
    assert stored and all(re.fullmatch(f"/sub/{re.escape(HIDDEN)}[0-9a-f]{{8}}", s) for s in stored)
    assert len(stored) == 3
    assert server.tree.names("/sub") == []


def test_what_can_not_be_removed_is_told(server, home):
    server.fault("DELE", Reply("550 Permission denied."))
    told = probe(home, server)
    assert told["left"]
    assert any(told["left"][0] in warning for warning in told["warnings"])


@pytest.mark.parametrize("restart", ["truncate", "refuse"])
def test_restart_that_is_not_in_place_is_told(server, home, restart):
    server.store_restart = restart
    told = probe(home, server)
    assert told["write"]["restart"] == "no"
    assert any("no restart in place" in warning for warning in told["warnings"])


def test_a_rename_that_replaces_nothing_is_told(server, home):
    server.fault("RNTO", Reply("553 File exists."))
    told = probe(home, server)
    assert told["write"]["rename"] == "no"
    assert "File exists" in told["write"]["rename_failure"]
    assert server.tree.names() == []


def test_a_limit_of_sessions_is_told(server, home):
    server.max_sessions = 3
    told = probe(home, server, connections=6)
    assert told["sessions"]["got"] == 3 and told["sessions"]["wanted"] == 6
    assert "421" in told["sessions"]["refusal"]
    assert any("connections=3" in warning for warning in told["warnings"])


def test_one_session_is_enough(server, home):
    server.max_sessions = 1
    told = probe(home, server)
    assert told["sessions"]["got"] == 1
    assert told["write"]["tried"] and len(told["data_connections"]) >= 1


def test_data_connections_that_do_not_resume_are_told(server, home):
    server.data_context = server.make_context()
    told = probe(home, server)
    assert [row["resumed"] for row in told["data_connections"]] == [0, 0]
    assert any("don't resume the TLS 1.3" in warning for warning in told["warnings"])


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_dialects_are_told(server, home, name):
    dialect = DIALECTS[name]
    dialect.play(server)
    for number in range(3):
        server.tree.put(f"/{dialect.file}"[: 6 + number], b"content")
    server.tree.put(f"/{dialect.file}", b"content")
    told = probe(home, server)
    assert told["directory"]["kind"] == "LIST"
    assert told["directory"]["dialect"] not in ("", "not told yet")


def test_a_zone_is_told(server, home):
    DIALECTS["windows"].play(server, offset=-5 * 3600)
    server.tree.put("/report.txt", b"content")
    told = probe(home, server)
    assert told["clock"]["zone_s"] == -5 * 3600
    assert "UTC-5:00" in probe_text(home, server)[0]


@pytest.mark.parametrize("mlst", [True, False])
@pytest.mark.parametrize("ahead", [3 * 3600, -7 * 60 - 20])
def test_a_clock_that_is_off_is_told_and_warned_of(server, home, mlst, ahead):
    server.mlst = mlst
    server.tree.ahead = ahead
    told = probe(home, server)
    # Of the seconds that the upload took nobody knows when the file was made.
    assert abs(told["clock"]["ahead_s"] - ahead) <= 60
    words = f"{abs(told['clock']['ahead_s'])} s {'ahead' if ahead > 0 else 'behind'}"
    assert any(f"clock is {words}" in warning for warning in told["warnings"])
    text = probe_text(home, server)[0]
    assert re.search(rf"clock +\d+ s {'ahead of' if ahead > 0 else 'behind'} ours", text)


def test_it_works_without_a_fuse_device(server, home):
    command = [BINARY, "--probe", source_for(server), *options_of(home, server)]
    hidden = subprocess.run(
        [
            "unshare",
            "-m",
            "sh",
            "-c",
            'mount --bind /dev/null /dev/fuse && exec "$@"',
            "-",
            *command,
        ],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert hidden.returncode == 0, hidden.stderr
    assert "Capabilities" in hidden.stdout


def test_aliases_of_the_configuration_serve(server, home):
    directory = os.path.join(home, ".config", "ftpsfs")
    os.makedirs(directory)
    credentials = credentials_file(home, server.user, server.password)
    with open(os.path.join(directory, "config"), "w", encoding="utf-8") as file:
        file.write(f"[work]\nsource = {source_for(server)}\ncafile = {server.cafile}\n")
        file.write(f"credentials = {credentials}\n")
    result = run_ftpsfs("--probe", "work:", "--json", home=home, timeout=COMMAND_SECONDS)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["login"]["user"] == server.user


def test_an_interrupt_leaves_nothing_behind(server, home):
    gate = server.fault("RNFR", Gate())
    process = subprocess.Popen(
        [BINARY, "--probe", source_for(server), *options_of(home, server)],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    server.wait_for("RNFR")
    process.send_signal(signal.SIGINT)
    gate.open()
    _, trouble = process.communicate(timeout=COMMAND_SECONDS)
    assert process.returncode == 128 + signal.SIGINT
    assert "interrupted" in trouble
    assert server.tree.names() == []


@pytest.mark.parametrize(
    "words, wanted",
    [
        (["--probe"], "which server is missing"),
        (["--probe", "a", "b"], "one word too many"),
        (["--probe", "--once", "a"], "--once go with --status"),
    ],
)
def test_a_wrong_command_line_is_told(home, words, wanted):
    result = run_ftpsfs(*words, home=home)
    assert result.returncode == 1 and wanted in result.stderr
