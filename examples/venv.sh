# Functions to be sourced: find a Python, make a virtual environment, install this project there.
# Set before: `root`, the folder of pyproject.toml. Set by the user: PYTHON, to choose one.

# Print the path of the first interpreter that is new enough.
find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        command -v "$candidate"
        return
    done
    echo "no Python 3.11 or newer found${PYTHON:+ at PYTHON=$PYTHON}" >&2
    return 1
}

# Install into the environment $1 what the other arguments, which are pip's, say. Quick when that
# was done before and neither they nor pyproject.toml have changed. An environment that is made
# here and not finished is removed; one that was there before never is. Sets `venv`, its path.
prepare_venv() {
    case $1 in
        /*) venv=$1 ;;
        *) venv=$PWD/$1 ;;
    esac
    shift
    version="$root $(cksum < "$root/pyproject.toml")"
    installed=$(grep -sF "$version " "$venv/.installed" || true)
    if [ -x "$venv/bin/python" ] && printf '%s\n' "$installed" | grep -qxF "$version $*"; then
        return
    fi
    if [ -e "$venv/.unfinished" ]; then
        rm -rf "$venv"
    fi
    if [ -x "$venv/bin/python" ]; then
        echo "installing into $venv" >&2
        rm -f "$venv/.installed"
        pip_install "$@" || return
    elif [ -e "$venv" ]; then
        echo "$venv exists, but has no Python in it: remove it, or set VENV to another place" >&2
        return 1
    else
        echo "making $venv and installing into it: this takes a minute or two, once" >&2
        trap 'rm -rf "$venv"; exit 130' INT TERM HUP
        if ! { new_venv && pip_install "$@" && rm "$venv/.unfinished"; }; then
            rm -rf "$venv"
            return 1
        fi
        trap - INT TERM HUP
    fi
    printf '%s\n' "$installed" "$version $*" > "$venv/.installed"
}

# Make the environment; a file in it tells that more is to come.
new_venv() {
    python=$(find_python) || return
    mkdir -p "$venv" && touch "$venv/.unfinished" || return
    "$python" -m venv "$venv" && return
    echo "$python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2
    return 1
}

pip_install() (
    cd "$root"
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    "$venv/bin/python" -m pip install -qq 'pip>=25.1' &&
        "$venv/bin/python" -m pip install -qq "$@"
)
