#!/usr/bin/python3
"""Turns files into a C++ source that holds them.

    cmake/embed_assets.py openapi docs/openapi.yaml OUTPUT.cpp     one document, from YAML to JSON
    cmake/embed_assets.py console DIRECTORY OUTPUT.cpp             every file below a directory

The same files make the same bytes: nothing of the time or the machine gets in.
"""

import gzip
import hashlib
import json
import pathlib
import re
import sys

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
LITERAL_BYTES_MAX = 16_000  # of one piece: compilers limit the length of a string literal
TAG_DIGITS = 16  # of the SHA-256
BROTLI = ".br"
HASHED_NAME = re.compile(r"-[A-Z0-9]{8}\.[a-z]+$")  # as the bundler names what its bytes decide


def escaped(data):
    """The bytes within a string literal; octal escapes end after three digits, whatever follows."""
    return "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}"
        for b in data
    )


def literal(data):
    pieces = [data[i : i + LITERAL_BYTES_MAX] for i in range(0, len(data), LITERAL_BYTES_MAX)] or [b""]
    return "\n    ".join(f'"{escaped(piece)}"' for piece in pieces)


def compressed(data):
    packed = gzip.compress(data, compresslevel=9, mtime=0)
    return packed if len(packed) < len(data) else b""


def made_beside(path):
    """The same compressed by Brotli, which Python has not: the bundler leaves it beside the file."""
    packed = path.with_name(path.name + BROTLI)
    data = packed.read_bytes() if packed.exists() else b""
    return data if len(data) < path.stat().st_size else b""


def entry(path, content_type, data, brotli=b""):
    packed = compressed(data)
    tag = hashlib.sha256(data).hexdigest()[:TAG_DIGITS]
    immutable = "true" if HASHED_NAME.search(path) else "false"
    return (
        f'asset{{"{path}", "{content_type}",\n'
        f"    {{{literal(data)}, {len(data)}}},\n"
        f"    {{{literal(packed)}, {len(packed)}}},\n"
        f"    {{{literal(brotli)}, {len(brotli)}}},\n"
        f'    "{tag}", {immutable}}}'
    )


def source(header, body):
    return f'#include "{header}"\n\nnamespace portcullis::api {{\n\n{body}\n}} // namespace portcullis::api\n'


def openapi(path):
    import yaml  # Debian's python3-yaml

    document = yaml.safe_load(path.read_text())
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    body = entry("/openapi.json", "application/json", data)
    return source(
        "api/openapi_api.hpp",
        f"const asset& openapi_document() noexcept {{\n  static const {body.replace('asset{', 'asset document{', 1)};\n  return document;\n}}\n",
    )


def console(directory):
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.suffix != BROTLI)
    entries = [
        entry(
            f"/console/{path.relative_to(directory).as_posix()}",
            CONTENT_TYPES[path.suffix],
            path.read_bytes(),
            made_beside(path),
        )
        for path in files
    ]
    rows = "".join(f"    {row},\n" for row in entries)
    return source(
        "api/console_api.hpp",
        f"const std::vector<asset>& console_files() {{\n  static const std::vector<asset> all{{\n{rows}  }};\n  return all;\n}}\n",
    )


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("openapi", "console"):
        sys.exit(__doc__.strip())
    made = {"openapi": openapi, "console": console}[sys.argv[1]](pathlib.Path(sys.argv[2]))
    output = pathlib.Path(sys.argv[3])
    draft = output.with_name(output.name + ".new")
    draft.write_text(made)
    draft.replace(output)


if __name__ == "__main__":
    main()
