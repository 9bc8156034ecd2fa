# Where the scripts build, and how they tell what they do. To be sourced by a script that stands
# in scripts/ or .ci/, after `cd` to the repository's root.

# The build folder and the tools stay outside the checkout, so that a fresh clone is warm.
COURTSIDE_CACHE=${COURTSIDE_CACHE:-$HOME/.cache/courtside}
export COURTSIDE_CACHE
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$COURTSIDE_CACHE/target}
# rustup's Rust may not be on the PATH of this shell yet; Debian keeps servers in /usr/sbin.
PATH=$COURTSIDE_CACHE/tools/bin:$PATH:$HOME/.cargo/bin:/usr/sbin
export PATH

say() { printf '%s\n' "$*"; }

# die MESSAGE: ends the script; the message says what happened, why and what to do.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# section TITLE COMMAND...: runs the command under a heading and tells how long it took.
section() {
    local title=$1 began=$SECONDS code=0
    shift
    printf '\n== %s\n' "$title"
    "$@" || code=$?
    printf -- '-- %s: %d s%s\n' "$title" "$((SECONDS - began))" \
        "$([ "$code" = 0 ] || printf ', failed with exit code %d' "$code")"
    return "$code"
}
