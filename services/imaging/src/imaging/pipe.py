"""Messages between us and the child that decodes: two lengths (4 bytes each, big endian), a JSON header, a body."""

import json
from typing import Any, BinaryIO


def write_message(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    text = json.dumps(header, ensure_ascii=False).encode()
    stream.write(len(text).to_bytes(4, "big") + len(body).to_bytes(4, "big") + text + body)
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None at the end.

    Raises:
        EOFError: it ends in the middle of a message.

    """
    lengths = stream.read(8)
    if not lengths:
        return None
    header_size, body_size = int.from_bytes(lengths[:4], "big"), int.from_bytes(lengths[4:], "big")
    header, body = stream.read(header_size), stream.read(body_size)
    if len(lengths) < 8 or len(header) < header_size or len(body) < body_size:
        raise EOFError("the pipe closed in the middle of a message")
    return json.loads(header), body
