# Puts files on the data partition of an image, or of a disk it was written to, without mounting
# it. To be sourced after scripts/lib/env.sh.
# shellcheck shell=bash

# data_offset DISK: where its data partition begins, in bytes.
data_offset() {
    local found
    found=$(sfdisk --json "$1" 2>/dev/null |
        jq '.partitiontable.partitions[] | select(.name == "courtside-data").start')
    [ -n "$found" ] || return 1
    printf '%d\n' "$((found * 512))"
}

# inject DISK FILE PATH MODE [GROUP]: FILE becomes PATH of the data partition; folders are made. It
# belongs to root and to the group of this number. MODE is octal, such as 0644.
inject() {
    local disk=$1 file=$2 path=$3 mode=$4 group=${5:-0} offset folder='' part parts commands
    offset=$(data_offset "$disk") || die "$disk has no partition courtside-data; is it an image of scripts/image?"
    commands=$(mktemp)
    IFS=/ read -ra parts <<<"${path%/*}"
    for part in "${parts[@]}"; do
        [ -n "$part" ] || continue
        folder=$folder/$part
        # It says so if the folder is there, which is no harm.
        printf 'mkdir %s\n' "$folder" >>"$commands"
    done
    printf 'rm %s\nwrite %s %s\nsif %s mode 0%o\nsif %s uid 0\nsif %s gid %d\n' \
        "$path" "$file" "$path" "$path" "$((0100000 | mode))" "$path" "$path" "$group" >>"$commands"
    debugfs -w -f "$commands" "$disk?offset=$offset" >/dev/null 2>&1
    rm "$commands"
    debugfs -R "stat $path" "$disk?offset=$offset" 2>/dev/null | grep -q "Size: $(stat -c %s "$file")$" ||
        die "$path was not written to the data partition of $disk; is the image whole?"
}
