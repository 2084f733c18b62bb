"""Small files that would end the process, or fill the memory, if the parser had them."""

import gzip

import pytest

from ibmea_sklearn.io import read_rdf

pytest.importorskip("pyoxigraph")

BEGIN = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x/">'
A = "<http://x/a> <http://x/b> "


def nested(opening, middle, closing, n=100_000):
    return opening * n + middle + closing * n


def laughs():
    names = "abcdefghij"
    made = [f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip(names, names[1:], strict=False)]
    declared = '<!ENTITY a "aaaaaaaaaa">' + "".join(made)
    return f"<!DOCTYPE x [{declared}]>{BEGIN}<x:A><x:p>&j;</x:p></x:A></rdf:RDF>"


def swollen():
    text = f'<!DOCTYPE x [<!ENTITY a "{"a" * 100_000}">]>{BEGIN}<x:A><x:p>'
    return f"{text}{'&a;' * 10_000}</x:p></x:A></rdf:RDF>"


CASES = {
    "x.nt": (A + nested(f"<<( {A}", "<http://x/c>", " )>>") + " .\n", "triple terms nested at mos"),
    "x.ttl": (A + nested(f"<<( {A}", "<http://x/c>", " )>>") + " .\n", "triple terms nested at mo"),
    "hidden.ttl": (
        A + f"'<' , x:a\\' , {nested(f'<<( {A}', '<http://x/c>', ' )>>')} , 'b' .",
        "triple terms nested at most",
    ),
    "laughs.rdf": (laughs(), "entities that stand for a short text .* 'b', which is made of othe"),
    "swollen.rdf": (swollen(), "more than ten times the file"),
    "file.rdf": (
        f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>{BEGIN}</rdf:RDF>',
        "'a', which is elsewhere",
    ),
    "deep.rdf": (
        f"{BEGIN}{nested('<x:A><x:p>', '', '</x:p></x:A>')}</rdf:RDF>",
        "elements nested at most 500 deep",
    ),
    "cut.rdf": (f"{BEGIN}\n<x:A>", "line 2: expected RDF/XML; found: no element found"),
    "one.nt": (f"{A}<<( {A}<http://x/c> )>> .\n", "found a triple as the object of 'http://x/a'"),
    "long.nt": (f'{A}"{"a" * (17 << 20)}" .\n', "at most 16 MiB"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_beyond_bounds_is_refused(tmp_path, name):
    text, message = CASES[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_rdf(tmp_path / name)


def test_bounds_hold_inside_of_gzip(tmp_path):
    path = tmp_path / "x.nt.gz"
    path.write_bytes(gzip.compress(CASES["x.nt"][0].encode()))
    with pytest.raises(ValueError, match="triple terms nested at most"):
        read_rdf(path)


@pytest.mark.parametrize("suffix", ["nt", "ttl", "rdf"])
def test_a_damaged_gzip_file_is_told(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}.gz"
    packed = bytearray(gzip.compress(f"{A}<http://x/c> .\n".encode() * 1000))
    packed[20:30] = b"\xff" * 10
    path.write_bytes(packed)
    with pytest.raises(ValueError, match="Expected a whole gzip file"):
        read_rdf(path)


def test_brackets_in_texts_are_none(tmp_path):
    path = tmp_path / "x.nt"
    path.write_text("".join(f'{A}"<< {i} \\" <<" .  # <<\n' for i in range(1000)))
    assert len(read_rdf(path).attribute_values) == 1000


def test_entities_that_shorten_names_are_read(tmp_path):
    path = tmp_path / "x.owl"
    path.write_text(
        f'<!DOCTYPE x [<!ENTITY x "http://x/">]>{BEGIN}'
        '<x:A rdf:about="&x;a"><x:p>1 &lt; 2</x:p></x:A></rdf:RDF>'
    )
    kg = read_rdf(path)
    assert "http://x/a" in kg.entity_ids and kg.attribute_values.tolist() == ["1 < 2"]
