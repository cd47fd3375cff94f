"""What a file is called when it is given out: the customer's name for it, made safe, with the ending of its type."""

import re
import unicodedata
from urllib.parse import quote

# fmt: off
ENDINGS: dict[str, tuple[str, ...]] = {  # type → endings that fit it, the usual one first
    "image/jpeg":                ("jpg", "jpeg"),
    "image/png":                 ("png",),
    "image/gif":                 ("gif",),
    "image/webp":                ("webp",),
    "image/heic":                ("heic",),
    "image/heif":                ("heif",),
    "image/avif":                ("avif",),
    "video/mp4":                 ("mp4", "m4v"),
    "video/3gpp":                ("3gp",),
    "video/quicktime":           ("mov",),
    "video/webm":                ("webm",),
    "audio/ogg":                 ("ogg", "opus", "oga"),
    "audio/mpeg":                ("mp3",),
    "audio/mp4":                 ("m4a",),
    "audio/aac":                 ("aac",),
    "audio/amr":                 ("amr",),
    "audio/wav":                 ("wav",),
    "application/pdf":           ("pdf",),
    "application/rtf":           ("rtf",),
    "application/zip":           ("zip",),
    "application/gzip":          ("gz", "tgz"),
    "application/x-7z-compressed": ("7z",),
    "application/vnd.rar":       ("rar",),
    "application/x-ole-storage": ("doc", "xls", "ppt", "msg"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document":   ("docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         ("xlsx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx",),
    "text/plain":                ("txt", "csv", "vcf", "md"),
}
# fmt: on
LONGEST = 120
_ODD = re.compile(r'[\\/:*?"<>|;%]+')


def safe_name(given: str | None, mime_type: str, fallback: str) -> str:
    """Return a name without path, control or direction characters, that ends as its type does."""
    told = unicodedata.normalize("NFC", given or "").replace("\\", "/").rpartition("/")[2]
    kept = "".join(one for one in told if unicodedata.category(one)[0] not in "CZ" or one == " ")
    name = _ODD.sub("_", kept).strip(" .") or fallback
    endings = ENDINGS.get(mime_type, ("bin",))
    stem, dot, ending = name.rpartition(".")
    if not dot or ending.lower() not in endings:
        return f"{name[:LONGEST]}.{endings[0]}"
    return f"{stem[:LONGEST]}.{ending}"


def disposition(name: str) -> str:
    """Return the header that has a browser save a file under a name (RFC 6266), never show it."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
