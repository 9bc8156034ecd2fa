# Who may sign updates. To be sourced after tools.sh.
#
# No key is part of this repository. A machine that builds images for its own tests makes itself
# an authority and a signer, which no other machine's images trust; who ships boxes keeps the
# authority's key elsewhere and gives its certificate with `scripts/image --keyring`.
# shellcheck shell=bash

DEVELOPMENT_KEYS=$IMAGE_CACHE/development-keys

# make_development_keys: an authority of ten years and a signer of two, if there are none.
make_development_keys() {
    local keys=$DEVELOPMENT_KEYS
    [ -s "$keys/signer.pem" ] && return
    rm -rf "$keys.new"
    (umask 077 && mkdir -p "$keys.new")
    (
        umask 077
        cd "$keys.new"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
            -subj '/CN=Courtside development updates' -keyout authority.key -out authority.pem \
            -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
            -subj '/CN=Courtside development signer' -keyout signer.key -out signer.csr
        printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
            'extendedKeyUsage=critical,codeSigning' 'subjectKeyIdentifier=hash' \
            'authorityKeyIdentifier=keyid' >signer.ext
        openssl x509 -req -in signer.csr -CA authority.pem -CAkey authority.key -CAcreateserial \
            -days 730 -extfile signer.ext -out signer.pem
    ) 2>/dev/null || die "openssl made no keys in $keys.new; run it by hand to see why"
    mv "$keys.new" "$keys"
    say "made keys to sign updates of this machine's own images: $keys"
}

# lay_down_keyring [FILE]: puts the certificates that the image will trust where make-image looks.
lay_down_keyring() {
    if [ -n "${1:-}" ]; then
        grep -q 'BEGIN CERTIFICATE' "$1" || die "$1 holds no certificate in PEM; give the authority's"
        if grep -q 'PRIVATE KEY' "$1"; then die "$1 holds a private key, which no image may have"; fi
        cp "$1" "$IMAGE_CACHE/update-keyring.pem"
    else
        make_development_keys
        cp "$DEVELOPMENT_KEYS/authority.pem" "$IMAGE_CACHE/update-keyring.pem"
    fi
}
