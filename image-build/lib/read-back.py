#!/usr/bin/env python3
"""Reads back what was written to a disk and compares it with the image's block map.

    read-back.py BMAP DEVICE

Reads every range of the map past the cache, shows how far it is, and ends with 1 and the first
range that differs. Writes nothing.
"""

import hashlib
import os
import sys
import xml.etree.ElementTree as tree

STEP = 4 << 20


def ranges(path):
    """(first byte, bytes, sha256) of each range; the last block of an image may be short."""
    root = tree.parse(path).getroot()
    block, size = int(root.findtext("BlockSize")), int(root.findtext("ImageSize"))
    for entry in root.find("BlockMap"):
        first, _, last = entry.text.strip().partition("-")
        begin, end = int(first) * block, min((int(last or first) + 1) * block, size)
        yield begin, end - begin, entry.get("chksum")


def main():
    todo = list(ranges(sys.argv[1]))
    total, done, shown = sum(length for _, length, _ in todo), 0, -1
    device = os.open(sys.argv[2], os.O_RDONLY)
    os.fsync(device)
    # What is in the page cache is not what is on the disk.
    os.posix_fadvise(device, 0, 0, os.POSIX_FADV_DONTNEED)
    for begin, length, expected in todo:
        digest, at = hashlib.sha256(), begin
        while at < begin + length:
            chunk = os.pread(device, min(STEP, begin + length - at), at)
            if not chunk:
                sys.exit(f"{sys.argv[2]} ends at byte {at}, and the image does not; take a larger disk")
            digest.update(chunk)
            at, done = at + len(chunk), done + len(chunk)
            if (percent := done * 100 // total) != shown:
                shown = percent
                bar = "#" * (percent // 4)
                print(f"\rreads back [{bar:25}] {percent:3} %", end="", file=sys.stderr, flush=True)
        if digest.hexdigest() != expected:
            print(file=sys.stderr)
            sys.exit(f"{sys.argv[2]} differs from the image within bytes {begin} to {begin + length};"
                     " it does not keep what is written: use another disk or reader")
    print(f"\n{done / 1e6:.1f} MB are on the disk as they are in the image", file=sys.stderr)


if __name__ == "__main__":
    main()
