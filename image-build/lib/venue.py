#!/usr/bin/env python3
"""Reads a venue.toml, says everything that is wrong with it, each with its line, and writes the
files that a box of that venue has below /etc/courtside.

    venue.py FILE               checks
    venue.py FILE --into DIR    and writes DIR/PATH for each file, and DIR/list: MODE GROUP PATH

Owns what the keys of a venue.toml mean. Touches no disk and no image: that is scripts/flash.
"""

import dataclasses
import ipaddress
import pathlib
import re
import sys
import tomllib

# Sections and their keys; a key that is not here is refused.
KEYS = {
    "box": {"config", "hostname", "secrets"},
    "time": {"servers"},
    "network": {"address", "gateway", "dns", "interface"},
    "label": {"console"},
}
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
CONSOLE = re.compile(r"https?://[\x21-\x7e]{1,200}")
# Of the box's group courtside-keys, which the daemon belongs to.
KEYS_GROUP = 780


class Venue:
    """What the file says, and what is wrong with it."""

    def __init__(self, path):
        self.path = path
        self.problems = []
        self.files = {}
        self.text = path.read_text(encoding="utf-8")
        self.data = tomllib.loads(self.text)

    def line(self, section, key=None):
        """The line of a key, or of its section, or the first one."""
        inside, found = section is None, 1
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[\s*([\w-]+)\s*\]", line):
                inside = header[1] == section
                found = number if inside else found
            elif key and inside and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return number
        return found

    def wrong(self, section, key, message):
        self.problems.append((self.line(section, key), message))

    def string(self, section, key, pattern, what):
        value = self.data.get(section, {}).get(key)
        if value is None:
            return None
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.wrong(section, key, f"`{section}.{key}` is {value!r}; write {what}")
        return None

    def strings(self, section, key, pattern, what):
        value = self.data.get(section, {}).get(key, [])
        if isinstance(value, list) and all(isinstance(v, str) and pattern.fullmatch(v) for v in value):
            return value
        self.wrong(section, key, f"`{section}.{key}` is {value!r}; write a list of {what}")
        return []

    def file(self, section, key, name):
        """Bytes of a file that the venue names, beside the venue.toml."""
        source = self.path.parent / name
        try:
            return source.read_bytes()
        except OSError as error:
            self.wrong(section, key, f"{source} cannot be read: {error.strerror}; paths count from {self.path.name}")
            return None


@dataclasses.dataclass
class Label:
    """What stands on a box."""

    tenant: str
    device: str
    hostname: str | None
    console: str | None

    def address(self):
        """Where its page is; or its name, for whoever has no console."""
        name = f"{self.tenant}/{self.device}"
        return f"{self.console.rstrip('/')}/{name}" if self.console else name


def label_of(venue):
    """Of a venue without mistakes; None where the configuration does not say whose the box is."""
    config = tomllib.loads(venue.files["courtside.toml"][2].decode("utf-8"))
    names = config.get("box", {})
    if not isinstance(names, dict) or not all(isinstance(names.get(key), str) for key in ("tenant", "device")):
        return None
    sections = [venue.data.get(section, {}) for section in ("box", "label")]
    return Label(names["tenant"], names["device"], sections[0].get("hostname"), sections[1].get("console"))


def read_box(venue):
    box = venue.data.get("box", {})
    config = box.get("config")
    if not isinstance(config, str):
        venue.wrong("box", "config", "`box.config` is missing; name the box's configuration, such as \"courtside.toml\"")
    elif (text := venue.file("box", "config", config)) is not None:
        try:
            tomllib.loads(text.decode("utf-8"))
        except ValueError as error:
            venue.wrong("box", "config", f"{config} is no TOML: {error}; courtside check-config tells more")
        # It may hold the broker's password.
        venue.files["courtside.toml"] = (0o640, KEYS_GROUP, text)
    if hostname := venue.string("box", "hostname", NAME, "letters, digits and dashes, 63 at most"):
        venue.files["hostname"] = (0o644, 0, f"{hostname}\n".encode())
    for name in venue.strings("box", "secrets", re.compile(r".+"), "files, such as [\"box.pem\", \"box.key\"]"):
        if (secret := venue.file("box", "secrets", name)) is not None:
            venue.files[pathlib.PurePath(name).name] = (0o640, KEYS_GROUP, secret)


def read_time(venue):
    servers = venue.strings("time", "servers", HOST, "names or addresses of time servers")
    if servers:
        venue.files["time/venue.conf"] = (0o644, 0, f"[Time]\nNTP={' '.join(servers)}\n".encode())


def read_address(venue, key, make, what):
    value = venue.data.get("network", {}).get(key)
    if value is None:
        return None
    try:
        return make(value)
    except (ValueError, TypeError):
        venue.wrong("network", key, f"`network.{key}` is {value!r}; write {what}")
        return None


def read_network(venue):
    network = venue.data.get("network", {})
    if not network or network.get("address", "dhcp") == "dhcp":
        for key in ("gateway", "dns"):
            if key in network:
                venue.wrong("network", key, f"`network.{key}` goes with an address of its own; DHCP tells it")
        return
    address = read_address(venue, "address", ipaddress.ip_interface, "\"dhcp\", or one such as \"192.0.2.10/24\"")
    gateway = read_address(venue, "gateway", ipaddress.ip_address, "an address such as \"192.0.2.1\"")
    interface = venue.string("network", "interface", re.compile(r"[a-z0-9*]{1,15}"), "a name such as \"eno1\"") or "en* eth*"
    lines = ["[Match]", f"Name={interface}", "", "[Network]", f"Address={address}"]
    if address and "/" not in str(network["address"]):
        venue.wrong("network", "address", "`network.address` has no prefix; write one such as \"192.0.2.10/24\"")
    if address and gateway and gateway not in address.network:
        venue.wrong("network", "gateway", f"`network.gateway` {gateway} is not in {address.network}; the box could not reach it")
    lines += [f"Gateway={gateway}"] if gateway else []
    lines += [f"DNS={name}" for name in venue.strings("network", "dns", re.compile(r"[0-9a-fA-F.:]+"), "addresses")]
    venue.files["network/50-venue.network"] = (0o644, 0, "\n".join([*lines, ""]).encode())


def read(path):
    venue = Venue(path)
    if venue.data.get("schema") != 1:
        venue.wrong(None, "schema", "`schema` is not 1, which is all this version knows; write `schema = 1`")
    for section, keys in venue.data.items():
        if section == "schema":
            continue
        if section not in KEYS or not isinstance(keys, dict):
            venue.wrong(section, section, f"`{section}` is unknown; there are {', '.join(sorted(KEYS))}")
            continue
        for key in keys.keys() - KEYS[section]:
            venue.wrong(section, key, f"`{section}.{key}` is unknown; there are {', '.join(sorted(KEYS[section]))}")
    read_box(venue)
    read_time(venue)
    read_network(venue)
    venue.string("label", "console", CONSOLE, "the address of your console, https:// and its name")
    return venue


def write(venue, folder):
    names = []
    for name, (mode, group, content) in sorted(venue.files.items()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        names.append(f"{mode:04o} {group} {name}\n")
    (folder / "list").write_text("".join(names))


def main():
    path = pathlib.Path(sys.argv[1])
    try:
        venue = read(path)
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}")
    except ValueError as error:
        # tomllib names line and column.
        sys.exit(f"{path} is no TOML: {error}")
    if venue.problems:
        sys.exit("\n".join(f"{path}:{line}: {message}" for line, message in sorted(venue.problems)))
    if sys.argv[2:3] == ["--into"]:
        write(venue, pathlib.Path(sys.argv[3]))


if __name__ == "__main__":
    main()
