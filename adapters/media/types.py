"""What a file really is, told from its first bytes; never from what somebody says of it."""

import re

HEAD = 8192
"""Bytes that are looked at."""

# fmt: off
SIGNATURES: tuple[tuple[int, bytes, str], ...] = (  # where, what, type
    (0, b"\xff\xd8\xff",              "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n",         "image/png"),
    (0, b"GIF87a",                    "image/gif"),
    (0, b"GIF89a",                    "image/gif"),
    (8, b"WEBP",                      "image/webp"),
    (4, b"ftypheic",                  "image/heic"),
    (4, b"ftypheix",                  "image/heic"),
    (4, b"ftypmif1",                  "image/heif"),
    (4, b"ftypavif",                  "image/avif"),
    (4, b"ftypM4A",                   "audio/mp4"),
    (4, b"ftyp3g",                    "video/3gpp"),
    (4, b"ftypqt",                    "video/quicktime"),
    (4, b"ftyp",                      "video/mp4"),
    (0, b"\x1aE\xdf\xa3",             "video/webm"),
    (0, b"OggS",                      "audio/ogg"),
    (0, b"ID3",                       "audio/mpeg"),
    (0, b"\xff\xfb",                  "audio/mpeg"),
    (0, b"\xff\xf3",                  "audio/mpeg"),
    (0, b"\xff\xf2",                  "audio/mpeg"),
    (0, b"\xff\xf1",                  "audio/aac"),
    (0, b"\xff\xf9",                  "audio/aac"),
    (0, b"#!AMR",                     "audio/amr"),
    (8, b"WAVE",                      "audio/wav"),
    (0, b"%PDF-",                     "application/pdf"),
    (0, b"{\\rtf",                    "application/rtf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1",  "application/x-ole-storage"),
    (0, b"7z\xbc\xaf'\x1c",           "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07",              "application/vnd.rar"),
    (0, b"\x1f\x8b",                  "application/gzip"),
)
REFUSED: tuple[tuple[bytes, str], ...] = (  # what it begins with, what it is
    (b"MZ",                           "a program for Windows"),
    (b"\x7fELF",                      "a program for Linux"),
    (b"\xfe\xed\xfa\xce",             "a program for macOS"),
    (b"\xfe\xed\xfa\xcf",             "a program for macOS"),
    (b"\xce\xfa\xed\xfe",             "a program for macOS"),
    (b"\xcf\xfa\xed\xfe",             "a program for macOS"),
    (b"\xca\xfe\xba\xbe",             "a program for macOS or Java"),
    (b"dex\n",                        "a program for Android"),
    (b"\x00asm",                      "a program for the web"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "a shortcut of Windows"),
    (b"#!/",                          "a script"),
)
PACKED: tuple[tuple[bytes, str], ...] = (  # a name within a zip, what it is
    (b"word/",                        "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/",                          "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/",                         "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
PROGRAMS = (b"AndroidManifest.xml", b"classes.dex", b"META-INF/MANIFEST.MF")
# fmt: on
MARKUP = re.compile(
    rb"<\s*(!doctype\s+(html|svg)|html|head|body|script|iframe|svg|xsl:stylesheet|\?xml-stylesheet|"
    rb"[a-z]+:svg|hta:application)\b",
    re.I,
)
ACCEPTED: dict[str, tuple[str, ...]] = {
    "image": ("image/",),
    "sticker": ("image/",),
    "video": ("video/",),
    "audio": ("audio/", "video/mp4", "video/3gpp", "video/webm"),  # voices come in containers of films too
}
"""What a message says its file is → how its real type may begin; a document may be anything that is not refused."""
SHORT = 80
"""Longest type that a fact holds."""


class RefusedType(ValueError):
    """A file of a kind that we do not keep; the message says which."""


def sniff(head: bytes, family: str) -> str:
    """Return the type of a file by its first HEAD bytes. Raises RefusedType.

    `family` is what the message says it is: an image must be one. What a browser would run is refused whatever it is
    called: programs, scripts, HTML, SVG.
    """
    for start, what in REFUSED:
        if head.startswith(start):
            raise RefusedType(f"it is {what}")
    mime_type = _known(head) or _text(head)
    if mime_type.startswith("text/") and MARKUP.search(head):
        raise RefusedType("it is a page or drawing that can run scripts")
    if not mime_type.startswith(ACCEPTED.get(family, ("",))):
        raise RefusedType(f"it is said to be {family} and is {mime_type}")
    return mime_type[:SHORT]


def _known(head: bytes) -> str | None:
    if head.startswith(b"PK\x03\x04"):
        if any(one in head for one in PROGRAMS):
            raise RefusedType("it is a program for Android or Java")
        return next((name for mark, name in PACKED if mark in head), "application/zip")
    return next((name for at, mark, name in SIGNATURES if head[at : at + len(mark)] == mark), None)


def _text(head: bytes) -> str:
    """Return whether it is text in an encoding that browsers guess, or just bytes."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        if MARKUP.search(head.replace(b"\x00", b"")):
            raise RefusedType("it is a page or drawing that can run scripts")
        return "text/plain"
    control = sum(byte < 9 or (13 < byte < 32 and byte != 27) for byte in head)
    return "application/octet-stream" if control else "text/plain"
