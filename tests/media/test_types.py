"""What a file is, told by its bytes; what it is called when it is given out."""

import pytest

from adapters.media.names import disposition, safe_name
from adapters.media.types import RefusedType, sniff

JPEG, PNG, PDF = b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"%PDF-1.7\n"
MP4, OGG, WEBP = b"\x00\x00\x00\x18ftypmp42", b"OggS\x00\x02", b"RIFF\x10\x00\x00\x00WEBPVP8 "

# fmt: off
KNOWN = (
    (JPEG,                                     "image",    "image/jpeg"),
    (PNG,                                      "image",    "image/png"),
    (WEBP,                                     "sticker",  "image/webp"),
    (MP4,                                      "video",    "video/mp4"),
    (MP4,                                      "audio",    "video/mp4"),
    (OGG,                                      "audio",    "audio/ogg"),
    (b"#!AMR\n\x3c",                           "audio",    "audio/amr"),
    (PDF,                                      "document", "application/pdf"),
    (JPEG,                                     "document", "image/jpeg"),
    (b"PK\x03\x04\x14\x00" + b"xl/workbook.xml", "document",
     "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"PK\x03\x04\x14\x00photo.jpg",           "document", "application/zip"),
    ("عقد إيجار".encode(),                     "document", "text/plain"),
    (b"\x00\x01\x02\x03",                      "document", "application/octet-stream"),
)
REFUSED = (
    (b"MZ\x90\x00",                                   "document"),
    (b"\x7fELF\x02\x01",                              "document"),
    (b"#!/bin/sh\nrm -rf /",                          "document"),
    (b"PK\x03\x04" + b"AndroidManifest.xml",          "document"),
    (b"<!DOCTYPE html><p>hello",                      "document"),
    (b"  \n<SVG xmlns='http://www.w3.org/2000/svg'>", "image"),
    (b"<?xml version='1.0'?><svg onload='x()'/>",     "document"),
    (b"\xef\xbb\xbf<html><script>1</script>",         "document"),
    ("<html>".encode("utf-16"),                       "document"),
    (PDF,                                             "image"),
    (b"hello, this is a text",                        "image"),
    (PNG,                                             "video"),
    (b"\x00\x01\x02",                                 "audio"),
)
# fmt: on


@pytest.mark.parametrize(("head", "family", "mime_type"), KNOWN)
def test_it_is_what_its_bytes_say(head: bytes, family: str, mime_type: str) -> None:
    assert sniff(head, family) == mime_type


@pytest.mark.parametrize(("head", "family"), REFUSED)
def test_what_could_run_or_is_not_what_it_is_said_to_be_is_refused(head: bytes, family: str) -> None:
    with pytest.raises(RefusedType):
        sniff(head, family)


# fmt: off
NAMES = (
    ("عقد الشقة.pdf",           "application/pdf", "عقد الشقة.pdf"),
    ("plan.PDF",                "application/pdf", "plan.PDF"),
    ("invoice.pdf.exe",         "application/pdf", "invoice.pdf.exe.pdf"),
    ("../../etc/passwd",        "text/plain",      "passwd.txt"),
    ("C:\\Users\\x\\photo.jpg", "image/jpeg",      "photo.jpg"),
    ("evil\u202egpj.exe",       "application/pdf", "evilgpj.exe.pdf"),
    ("a\r\nX-Evil: 1.pdf",      "application/pdf", "aX-Evil_ 1.pdf"),
    (None,                      "image/png",       "file.png"),
    ("...",                     "image/png",       "file.png"),
)
# fmt: on


@pytest.mark.parametrize(("given", "mime_type", "name"), NAMES)
def test_a_name_is_safe_and_ends_as_its_type_does(given: str | None, mime_type: str, name: str) -> None:
    assert safe_name(given, mime_type, "file") == name


def test_a_header_holds_ascii_and_the_whole_name() -> None:
    header = disposition('عقد "1".pdf')
    assert header.isascii()
    assert header.startswith("attachment; filename=")
    assert header.endswith("filename*=UTF-8''%D8%B9%D9%82%D8%AF%20%221%22.pdf")
