# The packages of Debian that an image has, as a tar archive. To be sourced after tools.sh.
# shellcheck shell=bash

# What of a package is no use to a box; licences stay.
BASE_LEAVES_OUT=(
    'path-exclude=/usr/share/man/*'
    'path-exclude=/usr/share/info/*'
    'path-exclude=/usr/share/locale/*'
    'path-exclude=/usr/share/doc/*'
    'path-include=/usr/share/doc/*/copyright'
    'path-exclude=/usr/share/lintian/*'
    'path-exclude=/usr/share/bug/*'
)

# base_key ARCH: changes when the archive has to be made anew.
base_key() {
    {
        packages image-build/packages/{base,"$1"}.list
        printf '%s\n' "${BASE_LEAVES_OUT[@]}"
    } | sha256sum | cut -c 1-16
}

# make_base ARCH: makes $IMAGE_CACHE/base-ARCH.tar if there is none, or an older one. Debian's
# newer packages come in with `scripts/image ARCH --fresh` alone, so that the same commit gives the
# same image until somebody says otherwise.
make_base() {
    local arch=$1 base=$IMAGE_CACHE/base-$1 option options=()
    [ "$(cat "$base.key" 2>/dev/null)" = "$(base_key "$arch")" ] && return
    has_debian_sources || die "this machine's apt does not know Debian's archive and its security" \
        "archive; run apt-get update, or add them to /etc/apt/sources.list"
    for option in "${BASE_LEAVES_OUT[@]}"; do options+=(--dpkgopt="$option"); done
    say "gets the packages of the $arch image from Debian trixie (some minutes, once)"
    rm -rf "$base".*
    # INITRD=No: make-image makes the initramfs, once, with what the box adds to it.
    debian_sources trixie |
        INITRD=No mmdebstrap --mode=root --variant=minbase --architectures="$arch" --quiet \
            --include="$(packages image-build/packages/{base,"$arch"}.list)" \
            --aptopt='APT::Install-Recommends "false"' \
            --aptopt='Acquire::Languages "none"' \
            "${options[@]}" \
            trixie "$base.new.tar" - >&2 || die "the packages were not got; what mmdebstrap said stands above"
    mv "$base.new.tar" "$base.tar"
    base_key "$arch" >"$base.key"
}
