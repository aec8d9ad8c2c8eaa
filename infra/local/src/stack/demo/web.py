"""A small JSON client for our own loopback APIs."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class WebError(Exception):
    """An API answered with a problem, or not at all."""


def call(method: str, url: str, body: Any = None, *, token: str = "", timeout_s: float = 30) -> Any:  # noqa: ANN401 - JSON
    """Send JSON, get JSON.

    Raises:
        WebError: with the status and the problem's text.

    """
    data = None if body is None else json.dumps(body).encode()
    return _send(method, url, data, "application/json", token, timeout_s)


def post_multipart(url: str, story: Mapping[str, Any], files: Mapping[str, Path], *, token: str = "") -> Any:  # noqa: ANN401 - JSON
    """Send a story with its files in one request."""
    border = secrets.token_hex(16)
    parts = [
        f'--{border}\r\ncontent-disposition: form-data; name="story"\r\n\r\n'.encode()
        + json.dumps(story).encode()
        + b"\r\n"
    ]
    for name, path in files.items():
        head = f'--{border}\r\ncontent-disposition: form-data; name="{name}"; filename="{path.name}"\r\ncontent-type: image/jpeg\r\n\r\n'
        parts.append(head.encode() + path.read_bytes() + b"\r\n")
    body = b"".join(parts) + f"--{border}--\r\n".encode()
    return _send("POST", url, body, f"multipart/form-data; boundary={border}", token, 60)


def is_ok(url: str) -> bool:
    """Whether the address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback addresses
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _send(method: str, url: str, data: bytes | None, content_type: str, token: str, timeout_s: float) -> Any:  # noqa: ANN401 - JSON
    headers = {"content-type": content_type, **({"authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 - our own loopback addresses
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise WebError(f"{method} {url}: {error.code} {error.read().decode(errors='replace')[:500]}") from None
    except (urllib.error.URLError, OSError) as error:
        raise WebError(f"{method} {url}: {error}") from None
    return json.loads(text) if text else None
