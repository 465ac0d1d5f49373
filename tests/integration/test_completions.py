# SPDX-License-Identifier: GPL-2.0-or-later
"""Completions in real shells: bash, zsh and fish, each with the file that is installed for it."""

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from harness import BINARY, environment
from test_documentation import read_help

COMPLETIONS = Path(__file__).resolve().parents[2] / "src" / "completions"

# Completes the line $1 as bash does at TAB, and prints the candidates. There is no line editor for
# compopt to talk to; one test below has one.
BASH = """
source "$FILE"
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
compopt() { :; }
_ftpsfs
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def shell_environment(tmp_path):
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    (bin_directory / "ftpsfs").symlink_to(BINARY)
    config = tmp_path / "home" / ".config" / "ftpsfs" / "config"
    config.parent.mkdir(parents=True)
    config.write_text(
        "[work]\nsource=ftps://ann@ftp.example.org\n[weekend]\nro=true\n", encoding="utf-8"
    )
    config.chmod(0o600)
    for name in ("first", "second"):
        (tmp_path / "home" / "folders" / name).mkdir(parents=True)
    (tmp_path / "home" / "folders" / "file").write_text("x", encoding="utf-8")
    path = f"{bin_directory}:{os.environ['PATH']}"
    return environment(tmp_path / "home", PATH=path, TERM="dumb", PS1="", COLUMNS="200")


def run(words, env):
    result = subprocess.run(
        words, env=env, cwd=env["HOME"], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr == ""
    return [line for line in result.stdout.splitlines() if line]


def bash(line, env):
    env = dict(env, FILE=str(COMPLETIONS / "ftpsfs.bash"))
    return run(["bash", "--norc", "-c", BASH, "bash", line], env)


def fish(line, env):
    script = f"source {COMPLETIONS}/ftpsfs.fish; complete -C '{line}'"
    return [found.split("\t")[0] for found in run(["fish", "--no-config", "-c", script], env)]


def press_tab(words, setup, line, env, until):
    """What a shell shows on a terminal when `line` and TAB are typed, once `until` matches."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(env["HOME"])
        os.execvpe(words[0], words, env)
    text = b""

    def read(pattern, seconds=20):
        nonlocal text
        deadline = time.monotonic() + seconds
        while not re.search(pattern, text):
            assert time.monotonic() < deadline, text.decode(errors="replace")
            if select.select([terminal], [], [], 0.1)[0]:
                text += os.read(terminal, 65536)
        return text

    try:
        os.write(terminal, setup.encode() + b"; echo re''ady\n")
        read(rb"ready\r?\n")
        text = b""
        os.write(terminal, line.encode() + b"\t")
        return read(until.encode()).decode(errors="replace")
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def zsh(line, env, until):
    setup = (
        f"fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -u -D; unsetopt prompt_cr"
    )
    return press_tab(["zsh", "-f", "-i"], setup, line, env, until)


@pytest.mark.parametrize("shell", [bash, fish])
def test_every_option_of_the_table_is_offered(shell, shell_environment):
    documented = read_help()
    wanted = {
        name + ("=" if option.argument else "") for name, option in documented.options.items()
    }
    assert wanted <= set(shell("ftpsfs -o ", shell_environment))
    assert documented.words["kernel"] <= set(shell("ftpsfs -o ", shell_environment))


@pytest.mark.parametrize("shell", [bash, fish])
def test_every_flag_and_verb_is_offered(shell, shell_environment):
    assert read_help().flags <= set(shell("ftpsfs -", shell_environment))
    assert "--version" in shell("ftpsfs --ver", shell_environment)


@pytest.mark.parametrize("shell", [bash, fish])
def test_aliases_come_first_and_directories_second(shell, shell_environment):
    env = shell_environment
    assert sorted(shell("ftpsfs w", env)) == ["weekend:", "work:"]
    assert sorted(shell("ftpsfs --print-config w", env)) == ["weekend:", "work:"]
    found = [name.rstrip("/") for name in shell("ftpsfs work: folders/", env)]
    assert sorted(found) == ["folders/first", "folders/second"]


def test_values_are_offered_by_bash(shell_environment):
    env = shell_environment
    # Of a word, bash completes what follows the last "=".
    assert bash("ftpsfs work: x -o ro,tls_verify=", env) == ["yes", "tofu", "no"]
    assert bash("ftpsfs -o tls_verify=t", env) == ["tofu"]
    assert set(bash("ftpsfs -o cafile=folders/", env)) == {
        "folders/first",
        "folders/second",
        "folders/file",
    }
    assert bash("ftpsfs -o uid=daem", env) == ["daemon"]
    assert bash("ftpsfs -o ro,explic", env) == ["ro,explicit"]
    assert bash("ftpsfs -oexplic", env) == ["-oexplicit"]


def test_values_are_offered_by_fish(shell_environment):
    env = shell_environment
    assert set(fish("ftpsfs -o ro,tls_verify=", env)) == {
        f"ro,tls_verify={word}" for word in ("yes", "tofu", "no")
    }
    assert fish("ftpsfs -o explic", env) == ["explicit"]
    assert "uid=daemon" in fish("ftpsfs -o uid=daem", env)


@pytest.mark.parametrize("server_kind", ["pyftpdlib"])
def test_mountpoints_are_offered_to_verbs(site, mount, shell_environment):
    mounted = mount()
    for shell in (bash, fish):
        assert mounted.path in shell("ftpsfs --status ", shell_environment)
    assert mounted.path.endswith("/mnt") and mounted.path.count("mnt") == 1
    zsh("ftpsfs --status " + mounted.path.removesuffix("mnt"), shell_environment, "mnt")


def test_zsh_completes_options_values_verbs_and_aliases(shell_environment):
    env = shell_environment
    zsh("ftpsfs -o dir_cache_t", env, "-o dir_cache_timeout=")
    zsh("ftpsfs -o ro,tls_verify=t", env, "tls_verify=tofu")
    zsh("ftpsfs --ver", env, "--version")
    zsh("ftpsfs wo", env, "work:")
    zsh("ftpsfs work: folders/fi", env, "folders/first")
    # In this order; what is read ends with the word that is waited for.
    shown = zsh("ftpsfs -o tls_verify=", env, "yes")
    assert "tofu" in shown


def test_bash_completes_at_a_terminal(shell_environment):
    setup = f"source {COMPLETIONS}/ftpsfs.bash"
    words = ["bash", "--norc", "-i"]
    press_tab(words, setup, "ftpsfs -o dir_cache_t", shell_environment, "dir_cache_timeout=")
    press_tab(words, setup, "ftpsfs -o ro,tls_verify=t", shell_environment, "tls_verify=tofu")
    press_tab(words, setup, "ftpsfs wo", shell_environment, "work:")
