"""The one text of a manifest, with a digest of itself in it: every changed byte shows."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGEST = "digest"


def render(content: Mapping[str, Any]) -> str:
    """The text of a manifest, its digest at the end."""
    own = {key: value for key, value in content.items() if key != DIGEST}
    return _text({**own, DIGEST: hashlib.sha256(_text(own).encode()).hexdigest()})


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False, sort_keys=False) + "\n"
