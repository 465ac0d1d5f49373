#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shared by tests/run and tests/quickstart: installs what is missing and fetches the FTP servers.
# Sourced, it only defines functions; run as `tests/setup.sh [packages|servers]` it does that part,
# or both.
#
# Debian's FTP servers conflict with one another as packages and start services when installed, so
# they are downloaded and unpacked below build/servers, where nothing but the tests sees them.

SETUP_TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SETUP_ROOT=$(dirname "$SETUP_TESTS")
SETUP_SERVERS=${FTPSFS_SERVERS:-$SETUP_ROOT/build/servers}

SETUP_BUILD_PACKAGES="gcc libc6-dev libasan8 libubsan1 meson ninja-build pkg-config libfuse3-dev
    libgnutls28-dev libglib2.0-dev zlib1g-dev fuse3"
SETUP_TEST_PACKAGES="python3 python3-pytest python3-pytest-xdist python3-pyftpdlib python3-openssl
    python3-cryptography ca-certificates openssl fio git rsync systemd tar util-linux
    softhsm2 gnutls-bin autofs strace
    bash zsh fish mandoc dpkg-dev tmux desktop-file-utils"
# What tests/lint.py runs. Other releases' tools format otherwise.
# shellcheck disable=SC2034
SETUP_LINT_PACKAGES="black clang-format clang-tidy shellcheck"
# Libraries of the servers that are no trouble to install, and mostly are. A|B: the first that this
# release has; Debian 13 has others, and names those with 64-bit times otherwise.
SETUP_LIBRARY_PACKAGES="libacl1 libcap2 libcrypt1 libidn2-0 libncursesw6 libpam0g libpam-modules
    libpcre2-8-0 libssl3t64|libssl3 libtirpc3t64|libtirpc3 zlib1g"
SETUP_SERVER_PACKAGES="vsftpd libpam-pwdfile proftpd-core proftpd-mod-crypto pure-ftpd pure-ftpd-common
    libhiredis1.1.0|libhiredis0.14 libhashkit2t64|libhashkit2 libmemcached11t64|libmemcached11
    libmemcachedutil2t64|libmemcachedutil2 libwrap0 libnsl2 libpcre2-posix3 libsodium23"

setup_fail() {
    echo "$0: $*" >&2
    exit 1
}

setup_have() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | head -c 9)" = installed ]
}

# Package lists are fetched at most once a run, and only when something has to be installed.
setup_update() {
    [ -n "${SETUP_UPDATED:-}" ] && return 0
    apt-get update -qq || setup_fail "apt-get update failed: check the network and sources.list"
    SETUP_UPDATED=1
}

# setup_install PACKAGE...: those that are not installed yet.
setup_install() {
    local package missing=()
    for package in "$@"; do
        setup_have "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    [ "$(id -u)" = 0 ] || setup_fail "packages are missing: sudo apt-get install ${missing[*]}"
    echo "installing ${missing[*]}"
    setup_update
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        >/dev/null || setup_fail "apt-get install ${missing[*]} failed"
}

# setup_known A|B...: the first of each that this release has. A release without a name says so in
# apt-cache's exit status once its lists are there.
setup_known() {
    local choice package
    for choice in "$@"; do
        for package in ${choice//|/ }; do
            [ "$package" = "$choice" ] || apt-cache show "$package" >/dev/null 2>&1 && break
        done
        echo "$package"
    done
}

# setup_build_packages: what it takes to compile and to run the unit tests. An ordinary user can do
# all but install.
setup_build_packages() {
    # shellcheck disable=SC2086
    setup_install $SETUP_BUILD_PACKAGES python3
}

setup_packages() {
    # shellcheck disable=SC2086
    setup_install $SETUP_BUILD_PACKAGES $SETUP_TEST_PACKAGES
}

# The FTP servers into build/servers, whole or not at all.
setup_servers() {
    # shellcheck disable=SC2046,SC2086
    setup_install $(setup_known $SETUP_LIBRARY_PACKAGES)
    local wanted stamp=$SETUP_SERVERS/.complete new
    # shellcheck disable=SC2005,SC2046,SC2086
    wanted=$(echo $(setup_known $SETUP_SERVER_PACKAGES))
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
    echo "downloading FTP servers for the tests into $SETUP_SERVERS"
    mkdir -p "$(dirname "$SETUP_SERVERS")"
    rm -rf "$SETUP_SERVERS".new.*
    new=$(mktemp -d "$SETUP_SERVERS.new.XXXXXX")
    chmod 755 "$new"
    mkdir "$new/.packages"
    setup_download "$new/.packages" "$wanted"
    local deb
    for deb in "$new/.packages"/*.deb; do
        dpkg -x "$deb" "$new" || setup_fail "cannot unpack $deb"
    done
    rm -r "$new/.packages"
    setup_check_libraries "$new"
    echo "$wanted" >"$new/.complete"
    rm -rf "$SETUP_SERVERS"
    mv -T "$new" "$SETUP_SERVERS"
}

setup_check_libraries() {
    local program missing
    for program in "$1"/usr/sbin/{vsftpd,proftpd,pure-ftpd} "$1"/usr/lib/proftpd/mod_tls.so; do
        missing=$(LD_LIBRARY_PATH=$(echo "$1"/usr/lib/*-linux-gnu*):$(echo "$1"/lib/*-linux-gnu*) \
            ldd "$program" | grep 'not found' || true)
        [ -z "$missing" ] || setup_fail "$program lacks libraries: $missing"
    done
}

# setup_download DIRECTORY PACKAGES
setup_download() {
    # With stale lists the mirror no longer has the version that apt asks for: update and try again.
    # shellcheck disable=SC2086
    (cd "$1" && apt-get download -qq -o APT::Sandbox::User=root $2 2>/dev/null) &&
        return 0
    [ "$(id -u)" = 0 ] && setup_update
    # shellcheck disable=SC2086
    (cd "$1" && apt-get download -qq -o APT::Sandbox::User=root $2) ||
        setup_fail "cannot download the FTP servers: $2"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -eu
    case ${1:-all} in
    packages) setup_packages ;;
    servers) setup_servers ;;
    all)
        setup_packages
        setup_servers
        ;;
    *) setup_fail "usage: $0 [packages|servers]" ;;
    esac
fi
