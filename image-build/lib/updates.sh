# What becomes of good, bad and forged updates inside the machine of scripts/test-image, which
# sources this.
# Most of what it uses is of that script.
# shellcheck shell=bash disable=SC2154,SC2034

# make_bundles: the updates, on a disk that the machine gets besides its own.
make_bundles() {
    local version next after cache=$COURTSIDE_CACHE/image place=$work/bundles
    version=$(sed -n 's/^version=//p' "$(dirname "$image")/about.env")
    next=${version%.*}.$((${version##*.} + 1)) after=${version%.*}.$((${version##*.} + 2))
    new_version=$next bad_version=$after
    mkdir "$place"
    make_version "$cache/$arch-next" "$next" quick
    make_version "$cache/$arch-broken" "$after" broken
    scripts/bundle "$arch" --from "$cache/$arch-next" --out "$place/good.raucb"
    scripts/bundle "$arch" --from "$cache/$arch-broken" --out "$place/bad.raucb"
    scripts/bundle "$arch" --from "$cache/$arch" --out "$place/same.raucb"
    scripts/bundle "$arch" --from "$cache/$arch-next" --compatible courtside-other --out "$place/other-board.raucb"
    make_foreign_key
    scripts/bundle "$arch" --from "$cache/$arch-next" --cert "$work/foreign.pem" --key "$work/foreign.key" \
        --out "$place/foreign.raucb"
    cp "$place/good.raucb" "$place/tampered.raucb"
    # In the kernel, which is the last of the content and always read: of the root RAUC reads only
    # blocks that the box does not have, each checked by the index, and would not see the change.
    printf 'tampered' | dd of="$place/tampered.raucb" bs=1 conv=notrunc status=none \
        seek=$(($(stat -c %s "$place/tampered.raucb") - 12000000))
    head -c $(($(stat -c %s "$place/good.raucb") - 1000000)) "$place/good.raucb" >"$place/truncated.raucb"
    truncate -s 2500M "$work/bundles.img"
    mke2fs -q -t ext4 -L updates -d "$place" "$work/bundles.img"
    mkdir "$work/served"
    mv "$place/good.raucb" "$work/served/"
    rm -r "$place"
    serve_port=$(free_port)
    python3 image-build/lib/serve.py "$work/served" "$serve_port" "$work/counted" &
    children+=("$!")
    extra_disk=(-drive "if=none,id=updates,format=raw,file=$work/bundles.img,cache=unsafe" -device "virtio-blk-pci,drive=updates")
}

# make_version FOLDER VERSION KIND: an image for an update, unless one was made since the image that
# is tested.
make_version() {
    if [ "$1/about.env" -nt "$image" ] && grep -qx "version=$2" "$1/about.env"; then return; fi
    say "builds version $2 ($3) for the updates"
    scripts/image "$arch" --version "$2" --out "$1" --for-tests "$3" >"$work/build.log" 2>&1 ||
        die "version $2 was not built: $(tail -n 5 "$work/build.log")"
}

# A signer that no box knows.
make_foreign_key() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Somebody else' \
        -addext 'extendedKeyUsage=codeSigning' -keyout "$work/foreign.key" -out "$work/foreign.pem" 2>/dev/null
}

# What an update changes: the kernels of both slots and their counts, and the start of each root.
state() { guest "$work" 120 'cd /boot/EFI/Linux && sha256sum *; for s in a b; do head -c 65536 /dev/disk/by-partlabel/courtside-$s | sha256sum; done'; }

# refuses NAME PATTERN: the bundle is not installed, RAUC says why, and nothing has changed.
refuses() {
    local before after said
    before=$(state)
    if said=$(guest "$work" 900 "rauc install /run/updates/$1.raucb 2>&1; code=\$?; journalctl -q -n 15 -o cat -u rauc; exit \$code"); then
        fail "the box installed $1.raucb"
    fi
    grep -qE "$2" <<<"$said" || fail "the box refused $1.raucb, but not because of '$2': $said"
    after=$(state)
    # A bundle that is found to be damaged while it is written leaves an inactive slot that is bad.
    if [ "$1" != tampered ] && [ "$before" != "$after" ]; then fail "$1.raucb was refused and changed something: $before $after"; fi
    [ "$(guest "$work" 60 '/usr/lib/courtside/slots get-primary')" = "$current" ] || fail "$1.raucb changed what boots next"
    say "refused: $1 ($(grep -oE "$2" <<<"$said" | head -n 1))"
}

# installs BUNDLE SLOT: the bundle, a path inside or an address, is installed, and boots next.
installs() {
    local said started=$SECONDS
    said=$(guest "$work" 1800 "rauc install $1") || fail "$1 was not installed: $said"
    [ "$(guest "$work" 60 '/usr/lib/courtside/slots get-primary')" = "$2" ] || fail "$1 does not boot next"
    say "installed: $(basename "$1"), in $((SECONDS - started)) s"
}

# How much of the bundle a box asks for that has the version before in its other slot.
tell_fetched() {
    local whole fetched
    whole=$(stat -c %s "$work/served/good.raucb")
    fetched=$(cat "$work/counted")
    say "fetched: $fetched of $whole bytes, $((fetched * 100 / whole)) %"
}

running() { guest "$work" 120 'sed -n s/^IMAGE_VERSION=//p /usr/lib/os-release; /usr/lib/courtside/slots get-current' | paste -sd' '; }

# mount_updates: the disk with the bundles, after each boot.
mount_updates() {
    guest "$work" 60 'mkdir -p /run/updates && mount -o ro /dev/disk/by-label/updates /run/updates' >/dev/null ||
        fail "the disk with the updates cannot be mounted inside"
}

# restart PATTERN SECONDS: starts the machine again from inside and waits for a line of the new boot.
restart() {
    : >"$work/console"
    guest "$work" 60 'systemctl --no-block reboot' >/dev/null
    began=$SECONDS
    wait_for "$work" "$2" "$1" || fail "the machine did not say '$1' within $2 s of its restart"
}

play_updates() {
    current=a
    mount_updates
    refuses truncated 'Invalid bundle format|ignature size'
    refuses foreign 'signature|verif|certificate'
    refuses other-board 'ompatible'
    refuses same 'not newer'
    refuses tampered 'rror|I/O|verity|nput/output'
    installs "http://10.0.2.2:$serve_port/good.raucb" b
    tell_fetched
    restart "Marked boot as 'good'" 900
    [ "$(running)" = "$new_version b" ] || fail "$(running) runs, and $new_version should from slot b"
    say "runs: $new_version from slot b, known to be good after $((SECONDS - began)) s"
    current=b
    mount_updates
    # What ran a moment ago is older now.
    refuses same 'ersion'
    installs /run/updates/bad.raucb a
    : >"$work/console"
    guest "$work" 60 'systemctl --no-block reboot' >/dev/null
    began=$SECONDS
    wait_for "$work" 2400 'Started.*courtside\.service' || fail "the box did not return from $bad_version"
    wait_for "$work" 300 'courtside-test' || fail "the shell did not come back"
    [ "$(running)" = "$new_version b" ] || fail "$(running) runs after $bad_version failed, and $new_version should"
    [ "$(guest "$work" 60 '/usr/lib/courtside/slots get-state a')" = bad ] || fail "the slot of $bad_version is not bad"
    say "returned: from $bad_version to $new_version by itself, after $((SECONDS - began)) s and $(
        grep -ac 'Welcome to' "$work/console") starts"
}
