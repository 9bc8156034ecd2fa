#!/usr/bin/env python3
"""Serves the files of a folder over HTTP on 127.0.0.1, in parts as they are asked for, and counts.

    serve.py FOLDER PORT COUNTED

COUNTED holds how many bytes of content went out, all files together; it is written anew after each
answer. For scripts/test-image: Python's own server knows no parts, which RAUC asks for.
"""

import http.server
import pathlib
import re
import sys

STEP = 1 << 20


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET and HEAD, with one range or none."""

    protocol_version = "HTTP/1.1"
    folder, counted, sent = pathlib.Path(), pathlib.Path(), 0

    def do_HEAD(self):
        self.answer(None)

    def do_GET(self):
        self.answer(self.wfile)

    def answer(self, out):
        path = self.folder / pathlib.PurePosixPath(self.path).name
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]) if asked and asked[2] else size - 1, size - 1)
        if first > last:
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if out:
            self.send_part(out, path, (first, last))

    def send_part(self, out, path, part):
        left = part[1] - part[0] + 1
        with path.open("rb") as file:
            file.seek(part[0])
            while left and (chunk := file.read(min(STEP, left))):
                out.write(chunk)
                left -= len(chunk)
                Handler.sent += len(chunk)
        self.counted.write_text(f"{Handler.sent}\n")

    def log_message(self, *_):
        """Says nothing: the test counts bytes."""


def main():
    Handler.folder, Handler.counted = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[3])
    Handler.counted.write_text("0\n")
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()


if __name__ == "__main__":
    main()
