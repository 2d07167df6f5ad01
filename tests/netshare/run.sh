#!/usr/bin/env bash
# The fleet on real NFSv3, NFSv4.2 and SMB 3.1.1 mounts: three machines, each a kernel of its own, and a file server.
# Prints a PASS, FAIL or SKIPPED line for each test. Needs Debian or Ubuntu on x86-64, ptrace, and root for apt the first time.
#
#   tests/netshare/run.sh [PROGRAM [--quick] [--rounds N] [SHARE|TEST]...]      default: target/debug/media-converter, everything
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70
here=$PWD/tests/netshare
case ${1-} in ''|-*) set -- "${CARGO_TARGET_DIR:-target}/debug/media-converter" "$@" ;; esac
program=$(realpath "$1")

skip() { echo "SKIPPED: netshare: $*"; exit 0; }

[ "$(uname -sm)" = "Linux x86_64" ] || skip "User-Mode Linux runs on Linux on x86-64 only"
command -v apt-get >/dev/null || skip "its machines are made of Debian packages, and this system has no apt"
[ -x "$program" ] || skip "$program is not built"
[ -x "$(dirname "$program")/examples/contend" ] || skip "its contender is not built (cargo build --all-features --examples)"
if [ ! -x /usr/bin/python3 ]; then
    if [ "$(id -u)" != 0 ] || ! apt-get install -y -q --no-install-recommends python3 >/dev/null; then
        skip "/usr/bin/python3 is not here and could not be installed"
    fi
fi
if ! log=$("$here/build.sh" 2>&1); then
    tail -n 3 <<<"$log"
    skip "its packages could not be fetched"
fi
# Whether the kernel of this machine lets a User-Mode Linux run at all (ptrace, memory) is found out by trying.
if ! log=$("$here/netshare" run --clients alpha --shares nfs4 true 2>&1); then
    head -n 20 <<<"$log"
    skip "its machines do not start here"
fi
shift
exec "$here/netshare" run "$here/all.py" "$program" "$@"
