# The crates that the daemon is built from, and the tool that writes their list into it: both got
# by this machine's own cargo, as the chroot has no network. To be sourced after tools.sh.
# shellcheck shell=bash

AUDITABLE=0.7.7

# lay_down_crates: unpacks every crate of Cargo.lock below the cache, if they are not those that
# lie there.
lay_down_crates() {
    local key
    key=$(sha256sum Cargo.lock | cut -c 1-16)
    [ "$(cat "$IMAGE_CACHE/vendor.key" 2>/dev/null)" = "$key" ] && return
    say "lays down the crates of Cargo.lock"
    rm -rf "$IMAGE_CACHE/vendor" "$IMAGE_CACHE/vendor.key"
    cargo vendor --quiet --locked --versioned-dirs "$IMAGE_CACHE/vendor" >/dev/null ||
        die "the crates were not got; look at the network, or at Cargo.lock"
    printf '%s\n' "$key" >"$IMAGE_CACHE/vendor.key"
}

# get_auditable: builds cargo-auditable once. Debian's Rust calls it by its name alone.
get_auditable() {
    [ -x "$IMAGE_CACHE/host-tools/bin/cargo-auditable" ] && return
    say "builds cargo-auditable $AUDITABLE, which lists a program's crates inside it (once)"
    env CARGO_TARGET_DIR="$IMAGE_CACHE/host-tools-build" cargo install --quiet --locked \
        --root "$IMAGE_CACHE/host-tools" "cargo-auditable@$AUDITABLE" ||
        die "cargo-auditable was not built; what cargo said stands above"
    rm -rf "$IMAGE_CACHE/host-tools-build"
}
