#!/usr/bin/env python3
"""Has a shell of the test's virtual machine run one command, and prints what it printed.

    guest.py unit                        the unit of that shell, for `start_machine`
    guest.py SOCKET SECONDS COMMAND      ends as the command ended; 124: no answer within that time

The shell is in no image: the machine is given its unit by the firmware's strings, as systemd's
credentials, and it listens at a port that only a virtual machine has.
"""

import socket
import sys

UNIT = r"""[Unit]
Description=The test's shell
DefaultDependencies=no
Requires=dev-virtio\x2dports-test.device
After=dev-virtio\x2dports-test.device
# The port ends whenever nobody outside is connected.
StartLimitIntervalSec=0
[Service]
Restart=always
RestartSec=1
ExecStart=/bin/sh -c 'exec 3<>/dev/virtio-ports/test; while read -r c <&3; do o=$$(sh -c "$$c" 2>&1); e=$$?; printf "%%s\\n.exit %%d\\n" "$$o" $$e >&3; done'
"""


def run(path, seconds, command):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as guest:
        guest.settimeout(float(seconds))
        guest.connect(path)
        guest.sendall(command.replace("\n", " ").encode() + b"\n")
        answer = b""
        while b"\n.exit " not in b"\n" + answer or not answer.endswith(b"\n"):
            if not (chunk := guest.recv(65536)):
                return answer, 124
            answer += chunk
    text, _, code = answer.rstrip(b"\n").rpartition(b"\n.exit ")
    return text, int(code or answer.rsplit(b" ", 1)[1])


def main():
    if sys.argv[1:] == ["unit"]:
        print(UNIT)
        return
    try:
        text, code = run(*sys.argv[1:4])
    except (TimeoutError, OSError) as error:
        sys.exit(f"the machine does not answer: {error}")
    print(text.decode(errors="replace"))
    sys.exit(code)


if __name__ == "__main__":
    main()
