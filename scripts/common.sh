# Sourced by the scripts beside it: strict mode, the project's root as working directory, and how to say things.
# shellcheck shell=bash
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# The comment at the head of the script, as its help.
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$root/scripts/${0##*/}"; }
wants_help() { [[ ${1:-} == -h || ${1:-} == --help ]]; }

# A virtual environment with the given packages: python_environment DIR PACKAGE==VERSION...
python_environment() {
    local directory=$1
    shift
    local stamp="$directory/installed"
    if [[ ! -f $stamp || $(<"$stamp") != "$*" ]]; then
        say "installing $* into $directory"
        python3 -m venv "$directory"
        "$directory/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
        printf '%s' "$*" >"$stamp"
    fi
}

is_installed() { [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# Installs those of Debian's packages that are missing; when none is, nothing is asked of the network. Uses sudo unless root.
install_packages() {
    local package missing=() elevate=()
    command -v dpkg-query >/dev/null || die "this is not Debian or Ubuntu; install the likes of: $*"
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0

    say "installing ${missing[*]}"
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "neither root nor sudo: install ${missing[*]}"
        elevate=(sudo)
    fi
    "${elevate[@]}" apt-get update -qq
    "${elevate[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
