# The chroot of Debian trixie in which the daemon, the packages and the image are made. To be
# sourced after scripts/lib/env.sh and mirrors.sh, at the repository's root.
#
# It is made once and again when its list of packages changes. What runs in it has no network,
# sees the checkout read-only, and writes below the cache alone.
# shellcheck shell=bash

IMAGE_CACHE=$COURTSIDE_CACHE/image
TOOLS=$IMAGE_CACHE/tools-trixie

# packages LIST...: the names in package lists, without their comments, separated by commas.
packages() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | paste -sd,
}

# tools_key: changes when the chroot has to be made anew.
tools_key() { packages image-build/packages/tools.list | sha256sum | cut -c 1-16; }

# make_tools: makes the chroot if there is none, or an older one.
make_tools() {
    [ "$(cat "$TOOLS/.courtside-key" 2>/dev/null)" = "$(tools_key)" ] && return
    has_debian_sources || die "this machine's apt does not know Debian's archive and its security" \
        "archive; run apt-get update, or add them to /etc/apt/sources.list"
    say "makes the chroot of build tools from Debian trixie (some minutes, once)"
    rm -rf "$TOOLS.new"
    mkdir -p "$IMAGE_CACHE/archives"
    debian_sources trixie |
        mmdebstrap --mode=root --variant=apt --architectures=amd64 --quiet \
            --include="$(packages image-build/packages/tools.list)" \
            --aptopt='APT::Install-Recommends "false"' \
            --aptopt='Acquire::Languages "none"' \
            --dpkgopt='path-exclude=/usr/share/man/*' \
            trixie "$TOOLS.new" - >&2 || die "the chroot was not made; what mmdebstrap said stands above"
    tools_key >"$TOOLS.new/.courtside-key"
    rm -rf "$TOOLS"
    mv "$TOOLS.new" "$TOOLS"
}

# in_tools COMMAND...: runs a command in the chroot, as root in it, without a network. The checkout
# is /source, read-only, and the cache /cache.
in_tools() {
    mkdir -p "$TOOLS/source" "$TOOLS/cache"
    SOURCE=$PWD TOOLS=$TOOLS IMAGE_CACHE=$IMAGE_CACHE \
        unshare --mount --net --pid --fork --propagation private bash -euc '
        mount --bind "$SOURCE" "$TOOLS/source"
        mount -o remount,bind,ro "$TOOLS/source"
        mount --bind "$IMAGE_CACHE" "$TOOLS/cache"
        mount -t proc proc "$TOOLS/proc"
        mount --rbind /dev "$TOOLS/dev"
        mount -t tmpfs tmpfs "$TOOLS/tmp"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 TZ=UTC \
            SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-}" \
            chroot "$TOOLS" "$@"' in_tools "$@"
}
