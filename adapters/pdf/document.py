"""Writes PDF documents (ISO 32000): pages of set lines, each also as text to be searched and read aloud."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import uharfbuzz as hb

from adapters.pdf.type_setting import SetLine, Typeface

WIDTH, HEIGHT = 595.28, 841.89
"""A4 in points."""
MARGIN = 48.0
REGULAR, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"


@dataclass(frozen=True, slots=True)
class Style:
    """How a paragraph looks: size and space before it in points, grey from 0 (black) to 1, indented from its side."""

    size: float = 10.0
    before: float = 0.0
    grey: float = 0.0
    bold: bool = False
    indent: float = 0.0


@dataclass
class Document:
    """A document being written from top to bottom; pages follow by themselves."""

    title: str
    made_at: datetime
    pages: list[bytearray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._faces = {"F1": Typeface.load(REGULAR), "F2": Typeface.load(BOLD)}
        self._y = 0.0

    def paragraph(self, text: str, style: Style = Style()) -> None:
        """Write a paragraph, or several where the text has line breaks; each runs the way of its first letter."""
        name = "F2" if style.bold else "F1"
        space = style.before
        for part in text.splitlines() or [""]:
            for line in self._faces[name].lines(part, style.size, WIDTH - 2 * MARGIN - style.indent):
                self._put(line, name, style, space)
                space = 0.0

    def _put(self, line: SetLine, font: str, style: Style, space: float) -> None:
        height = style.size * 1.45
        if not self.pages or self._y - space - height < MARGIN:
            self.pages.append(bytearray())
            self._y, space = HEIGHT - MARGIN, 0.0
        self._y -= space + height
        left = WIDTH - MARGIN - style.indent - line.width if line.from_right else MARGIN + style.indent
        if line.glyphs:
            self.pages[-1] += _drawn(line, font, style, left, self._y)

    def to_bytes(self) -> bytes:
        """Return the document."""
        writer = _Writer()
        fonts = {name: _font(writer, face, name) for name, face in self._faces.items() if face.used}
        resources = writer.add(
            b"<< /Font << " + b" ".join(f"/{name} {number} 0 R".encode() for name, number in fonts.items()) + b" >> >>"
        )
        tree = writer.reserve()
        contents = [writer.add_stream(bytes(page)) for page in self.pages or [bytearray()]]
        box = f"[0 0 {WIDTH} {HEIGHT}]"
        pages = [
            writer.add(f"<< /Type /Page /Parent {tree} 0 R /MediaBox {box} /Resources {resources} 0 R "
                       f"/Contents {content} 0 R >>".encode())
            for content in contents
        ]  # fmt: skip
        kids = " ".join(f"{page} 0 R" for page in pages)
        writer.put(tree, f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
        info = writer.add(
            b"<< /Title " + _text(self.title) + b" /Producer (Masar) "
            + f"/CreationDate (D:{self.made_at:%Y%m%d%H%M%S}Z) >>".encode()
        )  # fmt: skip
        root = writer.add(
            f"<< /Type /Catalog /Pages {tree} 0 R /ViewerPreferences << /DisplayDocTitle true >> >>".encode()
        )
        return writer.finish(root, info)


def _drawn(line: SetLine, font: str, style: Style, left: float, y: float) -> bytes:
    """Return the operators that draw a line; glyphs that follow each other naturally are drawn together."""
    parts = [b"/Span << /ActualText " + _text(line.text) + b" >> BDC\nBT\n"]
    parts.append(f"{style.grey:.2f} g /{font} {style.size:g} Tf\n".encode())
    group, at, height, expected = "", 0.0, 0.0, 0.0
    for glyph in line.glyphs:
        if group and abs(glyph.x - expected) < 0.005 and glyph.y == height:
            group += f"{glyph.number:04X}"
        else:
            parts += [_shown(group, left + at, y + height)]
            group, at, height = f"{glyph.number:04X}", glyph.x, glyph.y
        expected = glyph.x + glyph.advance
    parts += [_shown(group, left + at, y + height), b"ET\nEMC\n"]
    return b"".join(parts)


def _shown(group: str, x: float, y: float) -> bytes:
    return f"1 0 0 1 {x:.3f} {y:.3f} Tm <{group}> Tj\n".encode() if group else b""


def _text(value: str) -> bytes:
    return b"<FEFF" + value.encode("utf-16-be", "replace").hex().upper().encode() + b">"


class _Writer:
    """The objects of a file, numbered from one."""

    def __init__(self) -> None:
        self._objects: list[bytes] = []

    def reserve(self) -> int:
        """Return the number of an object that is put later."""
        self._objects.append(b"null")
        return len(self._objects)

    def put(self, number: int, body: bytes) -> None:
        """Set a reserved object."""
        self._objects[number - 1] = body

    def add(self, body: bytes) -> int:
        """Add an object; return its number."""
        self._objects.append(body)
        return len(self._objects)

    def add_stream(self, data: bytes, more: str = "") -> int:
        """Add a packed stream; return its number."""
        packed = zlib.compress(data, 6)
        head = f"<< /Length {len(packed)} /Filter /FlateDecode {more}>>\nstream\n".encode()
        return self.add(head + packed + b"\nendstream")

    def finish(self, root: int, info: int) -> bytes:
        """Return the file with its table of places."""
        out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, body in enumerate(self._objects, 1):
            places.append(len(out))
            out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
        table = len(out)
        out += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode()
        out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
        out += f"trailer\n<< /Size {len(places) + 1} /Root {root} 0 R /Info {info} 0 R >>\n".encode()
        out += f"startxref\n{table}\n%%EOF\n".encode()
        return bytes(out)


def _font(writer: _Writer, face: Typeface, name: str) -> int:
    """Embed what is used of a font, its glyphs under the numbers that the pages use; return the font's number."""
    numbers = sorted(face.used)
    packed = _subset(face, numbers)
    scale = 1000 / face.units
    called = f"MASAR{name[-1]}+DejaVuSans{'-Bold' if name == 'F2' else ''}".replace("MASAR1", "MASARA").replace(
        "MASAR2", "MASARB"
    )
    file = writer.add_stream(packed, f"/Length1 {len(packed)} ")
    extents = face.font.get_font_extents("ltr")
    descriptor = writer.add(
        f"<< /Type /FontDescriptor /FontName /{called} /Flags 4 /FontBBox [-1200 -600 2600 1300] /ItalicAngle 0 "
        f"/Ascent {extents.ascender * scale:.0f} /Descent {extents.descender * scale:.0f} /CapHeight 729 /StemV 80 "
        f"/FontFile2 {file} 0 R >>".encode()
    )
    widths = " ".join(f"{one} [{face.font.get_glyph_h_advance(one) * scale:.2f}]" for one in numbers)
    descendant = writer.add(
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{called} /CIDToGIDMap /Identity /DW 600 "
        f"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
        f"/FontDescriptor {descriptor} 0 R /W [{widths}] >>".encode()
    )
    unicode = writer.add_stream(_to_unicode([(one, face.used[one]) for one in numbers]))
    return writer.add(
        f"<< /Type /Font /Subtype /Type0 /BaseFont /{called} /Encoding /Identity-H "
        f"/DescendantFonts [{descendant} 0 R] /ToUnicode {unicode} 0 R >>".encode()
    )


def _subset(face: Typeface, numbers: Sequence[int]) -> bytes:
    wanted = hb.SubsetInput()
    wanted.flags = hb.SubsetFlags.RETAIN_GIDS | hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NO_LAYOUT_CLOSURE
    wanted.glyph_set.update([0, *numbers])
    small = hb.subset(face.face, wanted)
    return bytes(small.blob.data)


def _to_unicode(written: Sequence[tuple[int, str]]) -> bytes:
    """Return the table from glyphs back to what they write."""
    rows = [f"<{number:04X}> <{text.encode('utf-16-be').hex().upper()}>" for number, text in written if text]
    parts = [
        f"{len(rows[at : at + 100])} beginbfchar\n" + "\n".join(rows[at : at + 100]) + "\nendbfchar"
        for at in range(0, len(rows), 100)
    ]
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n" + "\n".join(parts) + "\nendcmap\n"
        "CMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()
