"""XML of instruments: what is read, and what is refused before anything expands."""

from __future__ import annotations

import pytest

from phenolens.errors import InputError
from phenolens.io.instruments.xml_files import read_xml, root_name, stream_xml

NAMESPACE = "http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"
LAUGHS = "".join(
    f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10 if n else "lol"}">' for n in range(12)
)  # fmt: skip


def test_names_come_without_their_prefix_and_text_stands_before_an_end(tmp_path):
    path = tmp_path / "a.mlf"
    path.write_text(
        f'<bts:Data xmlns:bts="{NAMESPACE}"><bts:Record bts:Row="2">a &amp; b.tif</bts:Record>'
        "<Empty/></bts:Data>"
    )
    started, ended = [], []
    stream_xml(
        path,
        start=lambda name, attributes: started.append((name, attributes)),
        end=lambda name, text: ended.append((name, text)),
    )
    assert started == [("Data", {"bts": NAMESPACE}), ("Record", {"Row": "2"}), ("Empty", {})]
    assert ended == [("Record", "a & b.tif"), ("Empty", ""), ("Data", "")]
    assert root_name(path) == "Data"
    tree = read_xml(path)
    assert tree.find("Record").text == "a & b.tif"
    assert tree.find("Record").attrib == {"Row": "2"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings_that_a_file_declares_are_read(tmp_path, encoding):
    path = tmp_path / "index.xml"
    declared = {"utf-8-sig": "utf-8", "latin-1": "iso-8859-1"}.get(encoding, encoding)
    path.write_bytes(f'<?xml version="1.0" encoding="{declared}"?><A>µ</A>'.encode(encoding))
    assert read_xml(path).text == "µ"


@pytest.mark.parametrize(
    "doctype",
    [
        f"<!DOCTYPE A [{LAUGHS}]>",
        '<!DOCTYPE A [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE A SYSTEM "http://127.0.0.1:9/a.dtd">',
    ],
)
def test_a_file_with_entities_is_refused_before_they_are_read(tmp_path, doctype):
    path = tmp_path / "Index.idx.xml"
    path.write_text(f'<?xml version="1.0"?>{doctype}<A>&lol11;&x;</A>')
    with pytest.raises(InputError, match=r"Index\.idx\.xml declares a document type"):
        read_xml(path)
    assert root_name(path) == ""


@pytest.mark.parametrize(
    "content",
    [b"", b"<A><B></A>", b"<A><B>", b"II*\x00\x08\x00\x00\x00", b"<A>\x00</A>", b"<A>&x;</A>"],
)
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "Index.idx.xml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"Index\.idx\.xml is damaged, or no XML: "):
        read_xml(path)


def test_an_encoding_nobody_knows_is_named(tmp_path):
    path = tmp_path / "Index.idx.xml"
    path.write_text('<?xml version="1.0" encoding="ebcdic-13"?><A/>')
    with pytest.raises(InputError, match=r"Index\.idx\.xml is damaged, or no XML: "):
        read_xml(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"Index\.idx\.xml cannot be read: No such file"):
        read_xml(tmp_path / "Index.idx.xml")


def test_deep_files_end(tmp_path):
    path = tmp_path / "deep.xml"
    path.write_text("<a>" * 200_000 + "</a>" * 200_000)
    depth = [0]

    def start(name, attributes):
        depth[0] += 1

    stream_xml(path, start=start, end=lambda *_: None)
    assert depth == [200_000]
