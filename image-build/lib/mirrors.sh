# Where Debian's packages come from: the mirrors of this machine's own apt, for another release.
# To be sourced. No mirror is named in a file of this repository, and none stays in an image.
# shellcheck shell=bash

# debian_sources RELEASE: prints sources.list lines of RELEASE (trixie), one for each archive that
# this machine uses: Debian itself, its updates and its security archive.
debian_sources() {
    local release=$1 origin label uri suite codename component
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)|$(RELEASE)|$(CODENAME)|$(COMPONENT)' \
        'Created-By: Packages' |
        while IFS='|' read -r origin label uri suite codename component; do
            [ "$origin" = Debian ] && [ "$component" = main ] || continue
            # apt tells a suite by its name (bookworm) or by its role (oldstable).
            case "$label|$codename|$suite" in
            "Debian-Security|"*) printf 'deb %s %s-security main\n' "$uri" "$release" ;;
            "Debian|"*-updates"|"*) printf 'deb %s %s-updates main\n' "$uri" "$release" ;;
            "Debian|"*-backports*"|"*) ;;
            "Debian|"*) printf 'deb %s %s main\n' "$uri" "$release" ;;
            esac
        done | sort -u
}

# has_debian_sources: whether this machine's apt knows Debian's archive and its security archive,
# without which rustc-web and fixed kernels are not found.
has_debian_sources() {
    local found
    found=$(debian_sources trixie)
    grep -q ' trixie main$' <<<"$found" && grep -q ' trixie-security main$' <<<"$found"
}
