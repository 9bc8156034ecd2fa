#!/usr/bin/env python3
"""Writes the list of everything that an image is made of, as CycloneDX 1.5 JSON.

    sbom.py PACKAGES PROGRAM VERSION EPOCH    to standard output

PACKAGES is packages.txt of make-image: package, version, architecture, source, its version.
PROGRAM is the daemon as cargo-auditable built it, which has its crates inside. VERSION and EPOCH
are the image's. The same input gives the same bytes; nothing is looked up.
"""

import datetime
import json
import pathlib
import struct
import sys
import urllib.parse
import zlib


def section(elf, name):
    """The bytes of a section of a 64-bit little-endian ELF file."""
    table, size, count, names = struct.unpack_from("<Q", elf, 0x28) + struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQIIQQ", elf, table + size * index) for index in range(count)]
    strings = headers[names][4]
    for header in headers:
        begin = strings + header[0]
        if elf[begin : elf.index(b"\0", begin)] == name:
            return elf[header[4] : header[4] + header[5]]
    sys.exit("the program has no list of its crates; build it with cargo auditable")


def crates(program):
    listed = json.loads(zlib.decompress(section(program.read_bytes(), b".dep-v0")))
    for crate in listed["packages"]:
        # What only built it is not in it.
        if crate.get("kind", "runtime") != "runtime":
            continue
        name, version = crate["name"], crate["version"]
        ours = crate["source"] == "local"
        yield {
            "type": "application" if crate.get("root") else "library",
            "bom-ref": f"cargo:{name}@{version}",
            "name": name,
            "version": version,
            **({} if ours else {"purl": f"pkg:cargo/{name}@{version}"}),
        }


def packages(path):
    for line in path.read_text().splitlines():
        name, version, arch, source, source_version = line.split("\t")
        ours = name.startswith("courtside")
        upstream = f"{source}@{source_version}"
        query = urllib.parse.urlencode({"arch": arch, "distro": "trixie", "upstream": upstream})
        yield {
            "type": "library",
            "bom-ref": f"deb:{name}:{arch}@{version}",
            "name": name,
            "version": version,
            **({} if ours else {"purl": f"pkg:deb/debian/{name}@{urllib.parse.quote(version)}?{query}"}),
        }


def main():
    listed, program, version, epoch = sys.argv[1:5]
    made = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
    parts = [*packages(pathlib.Path(listed)), *crates(pathlib.Path(program))]
    json.dump(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {
                "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "component": {"type": "operating-system", "name": "courtside", "version": version},
            },
            "components": parts,
        },
        sys.stdout,
        indent=1,
    )
    print()


if __name__ == "__main__":
    main()
