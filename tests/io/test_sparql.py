"""A real SPARQL server, which pages, fails, lies, hangs and cuts its answers off."""

import http.server
import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.io import read_graph, read_pair, read_rdf, read_sparql, recognise_format, sparql
from ibmea_sklearn.io._sparql_client import LARGEST, PassingError, lines_of

oxigraph = pytest.importorskip("pyoxigraph")

X = "http://x/"
JSON = "application/sparql-results+json"
DATA = """
@prefix : <http://x/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:a :p :b, :c, :d ; :q 1, 2.5, "one\\ntwo \\"x\\" \\u2028 \\\\", "ü"@de-AT ; rdfs:label "A"@en .
:b :p :c ; :q "2020-01-02"^^xsd:date . :c :r :d . :d :r :a ; :q true . :e :p "" .
"""


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the next of the server's plans says, and truly when there is none."""

    def do_GET(self):
        self.answer(parse_qs(urlsplit(self.path).query)["query"][0])

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(parse_qs(body.decode())["query"][0])

    def answer(self, query):
        server = self.server
        server.queries.append(query)
        server.methods.append(self.command)
        plan = server.plans.pop(0) if server.plans else None
        if plan == "hang":
            server.is_over.wait(20)
            self.close_connection = True
            return
        if isinstance(plan, tuple):
            status, headers, data = plan
        else:
            results = server.store.query(query)
            data = results.serialize(format=oxigraph.QueryResultsFormat.JSON)
            status, headers = 200, {}
        self.send_response(status)
        for name, value in {"Content-Type": JSON, **headers}.items():
            self.send_header(name, value)
        if "Transfer-Encoding" not in headers and plan != "closed early":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if plan == "drip":
            for i in range(200):
                if server.is_over.wait(0.02):
                    break
                self.wfile.write(data[i : i + 1])
                self.wfile.flush()
        self.wfile.write(data[: len(data) // 2] if plan in ("cut", "closed early") else data)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.store = oxigraph.Store()
    made.store.load(DATA.encode(), oxigraph.RdfFormat.TURTLE)
    made.queries, made.methods, made.plans, made.is_over = [], [], [], threading.Event()
    made.url = f"http://127.0.0.1:{made.server_port}/sparql"
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.is_over.set()
    made.shutdown()
    made.server_close()
    thread.join()


def read(server, *args, **how):
    return read_sparql(server.url, *args, **{"page_size": 4, "backoff": 0, "timeout": 5, **how})


def content(kg):
    ids, relations = kg.entity_ids, kg.relation_names
    triples = [(ids[h], relations[r], ids[t]) for h, r, t in kg.relation_triples]
    values = [
        (ids[e], kg.attribute_names[a], repr(v), d)
        for (e, a), v, d in zip(
            kg.attribute_triples, kg.attribute_values, kg.attribute_datatypes, strict=True
        )
    ]
    names = [(ids[e], *rest) for e, *rest in zip(*kg.names, strict=True)]
    return sorted(triples), sorted(values, key=str), names


@pytest.fixture
def whole(tmp_path):
    """What the file holds that the server has loaded."""
    (tmp_path / "whole.ttl").write_text(DATA)
    return content(read_rdf(tmp_path / "whole.ttl"))


@pytest.mark.parametrize("paging", ["offset", "keyset"])
@pytest.mark.parametrize("page_size", [1, 2, 4, 14, 1000])
def test_pages_together_are_the_graph(server, whole, paging, page_size):
    kg = read(server, paging=paging, page_size=page_size)
    assert content(kg) == whole and kg.name == "127.0.0.1"
    assert len(server.queries) == 14 // page_size + 1 + (14 % page_size > 0)
    assert all(f"LIMIT {page_size} OFFSET" in query for query in server.queries)


def test_a_server_that_gives_fewer_rows_than_it_is_asked_for(server, whole, monkeypatch):
    """Many cap their pages, and don't say so."""
    query = server.store.query

    class Store:
        def query(self, text):
            return query(text.replace("LIMIT 4", "LIMIT 3"))

    server.store = Store()
    assert content(read(server)) == whole


def test_the_query_chooses(server):
    query = f"PREFIX x: <{X}>\nSELECT ?s ?p ?o WHERE {{ ?s x:p x:c ; ?p ?o }} # of these"
    kg = read(server, query)
    assert set(kg.entity_ids) == {X + name for name in "abcd"}


def test_long_queries_are_posted(server):
    read(server, sparql.ALL + " # " + "x" * 3000)
    assert set(server.methods) == {"POST"}


PASSING = {
    "503": (503, {}, b"busy"),
    "asks to wait": (429, {"Retry-After": "0"}, b""),
    "cut": "cut",
    "cut without a length": "closed early",
    "chunks that end early": (200, {"Transfer-Encoding": "chunked"}, b"5\r\n{\"res"),
    "garbage": (200, {}, b"<html>Please log in</html>"),
    "bytes": (200, {}, bytes(range(256))),
    "no rows": (200, {}, b'{"boolean": true}'),
    "other variables": (200, {}, b'{"results": {"bindings": [{"x": {}}]}}'),
    "other terms": (200, {}, json.dumps({"results": {"bindings": [
        {n: {"type": "triple", "value": "x"} for n in "spo"}]}}).encode()),
    "surrogates": (200, {}, json.dumps({"results": {"bindings": [
        {n: {"type": "uri", "value": "http://x/\ud800"} for n in "spo"}]}}).encode()),
    "nested": (200, {}, b"[" * 100_000),
    "not packed": (200, {"Content-Encoding": "gzip"}, b"not packed"),
    "a part of Virtuoso's": (200, {"X-SQL-State": "S1TAT"}, b'{"results": {"bindings": []}}'),
    "hang": "hang",
}  # fmt: skip


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_tried_again(server, whole, name):
    server.plans = [None, PASSING[name], None]
    timeout = 0.3 if name == "hang" else 5
    assert content(read(server, timeout=timeout)) == whole
    assert server.queries[1] == server.queries[2]


@pytest.mark.parametrize("name", PASSING)
def test_what_stays_is_told_and_the_next_call_goes_on(server, whole, tmp_path, name):
    server.plans = [None, *[PASSING[name]] * 3]
    how = {"folder": tmp_path / "pages", "timeout": 0.3 if name == "hang" else 5}
    with pytest.raises(
        OSError, match=r"Expected page 2 from .* within 3 tries; found .* 1 pages a"
    ):
        read(server, n_retries=2, **how)
    server.queries.clear()
    assert content(read(server, **how)) == whole
    assert "OFFSET 4" in server.queries[0]


@pytest.mark.parametrize("paging", ["offset", "keyset"])
def test_an_interrupt_loses_no_page(server, whole, tmp_path, paging, monkeypatch):
    ask = sparql.Client.ask
    for n_pages in range(1, 4):

        def interrupted(client, query, left=[1]):  # noqa: B006
            if not left:
                raise KeyboardInterrupt
            left.pop()
            return ask(client, query)

        monkeypatch.setattr(sparql.Client, "ask", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read(server, folder=tmp_path, paging=paging)
        assert len(list(tmp_path.glob("page-*.nt"))) == n_pages
    monkeypatch.setattr(sparql.Client, "ask", ask)
    assert content(read(server, folder=tmp_path, paging=paging)) == whole
    assert len(server.queries) == 5


def test_once_complete_nobody_is_asked(server, whole, tmp_path):
    pages = tmp_path / "pages"
    read(server, folder=pages)
    server.queries.clear()
    assert content(read(server, folder=pages)) == whole and not server.queries
    # The pages are a folder of RDF, too.
    assert content(read_graph(pages)) == whole


def test_a_dripping_server_is_not_waited_for(server):
    server.plans = ["drip"]
    start = time.monotonic()
    with pytest.raises(OSError, match="Pass folder, to keep what came"):
        read(server, timeout=0.05, n_retries=0)
    assert time.monotonic() - start < 15


def test_nobody_there(tmp_path):
    with pytest.raises(OSError, match=r"within 1 tries; found no answer \(ConnectionError\)"):
        read_sparql("http://127.0.0.1:9/", n_retries=0)


REFUSED = {
    "wrong query": (
        (400, {}, b"Parse error:\n  line 1"),
        r"the status 400 \(Parse error: line 1\)",
    ),
    "no such place": ((404, {}, b""), r"found the status 404\. Check the address"),
    "too long": ((200, {}, b" " * (LARGEST + 1)), "answers of at most 64 MiB .* Lower page_size"),
    "redirected for ever": ((302, {"Location": "/sparql?query=x"}, b""), "Exceeded 30 redirects"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_will_not_pass_is_not_tried_again(server, name):
    answer, message = REFUSED[name]
    server.plans = [answer] * 40
    with pytest.raises(ValueError, match=message):
        read(server)
    assert len(server.queries) == (31 if "redirected" in name else 1)


def rows(n, first=0):
    uri = {"type": "uri", "value": X}
    bindings = [{"s": uri, "p": uri, "o": {**uri, "value": f"{X}{first + i}"}} for i in range(n)]
    return 200, {}, json.dumps({"results": {"bindings": bindings}}).encode()


@pytest.mark.parametrize(
    "plans, message",
    [
        ([rows(5)], "found 5 rows, though LIMIT is 4"),
        ([rows(4), rows(4)], "found the same page twice, though OFFSET is another"),
        ([rows(0)], "Expected triples from .*; found none"),
    ],
)
def test_servers_that_can_not_page(server, plans, message):
    server.plans = plans
    with pytest.raises(ValueError, match=message):
        read(server)


def test_at_most_so_many_triples(server, monkeypatch):
    monkeypatch.setattr(sparql, "MOST_TRIPLES", 10)
    with pytest.raises(ValueError, match="Expected at most 10 triples .* Narrow the query"):
        read(server)


def test_rows_that_come_twice_are_told(server):
    server.plans = [rows(4), rows(4, first=2), rows(0)]
    with pytest.warns(UserWarning, match="2 of 8 rows came twice: .* others may be missing"):
        kg = read(server)
    assert len(kg.relation_triples) == 6


def test_blank_nodes_of_several_pages_are_told(server):
    data = b"_:x <http://x/p> <http://x/a>, <http://x/b>, _:y . _:y <http://x/p> 1, 2, 3 ."
    server.store = oxigraph.Store()
    server.store.load(data, oxigraph.RdfFormat.TURTLE)
    with pytest.warns(UserWarning, match="6 of 6 rows have blank nodes, whose names hold in one p"):
        read(server)
    assert len(read(server, page_size=10).relation_triples) == 3  # in one page all is well


def test_pages_of_another_query_are_not_mixed(server, tmp_path):
    read(server, folder=tmp_path)
    for how, what in (
        ({"query": sparql.ALL + " "}, "the query"),
        ({"paging": "keyset"}, "the paging 'keyset'"),
    ):
        with pytest.raises(ValueError, match=f"Expected pages of {what}.* Choose another folder"):
            read(server, folder=tmp_path, **how)
    (tmp_path / "pages.json").write_text("{}")
    with pytest.raises(ValueError, match="Expected what was asked for, as JSON"):
        read(server, folder=tmp_path)
    (tmp_path / "pages.json").unlink()
    with pytest.raises(ValueError, match=r"Expected pages.json beside the pages"):
        read(server, folder=tmp_path)


@pytest.mark.parametrize(
    "how, message",
    [
        ({"page_size": 0}, "Expected page_size to be an integer of at least 1; found 0"),
        ({"paging": "cursor"}, "Expected paging to be one of 'offset', 'keyset'"),
        ({"timeout": -1}, "Expected timeout to be finite and above 0"),
        ({"n_retries": -1}, "Expected n_retries"),
        ({"backoff": -1}, "Expected backoff"),
    ],
)
def test_parameters_out_of_range(how, message):
    with pytest.raises(ValueError, match=message):
        read_sparql("http://127.0.0.1:9/", **how)


def test_no_address():
    with pytest.raises(
        ValueError, match="Expected the address of a SPARQL endpoint; found 'http://"
    ):
        read_sparql("http://[x/", n_retries=0)


# Files .rq


def test_a_file_names_an_endpoint(server, whole, tmp_path):
    for name, lines in (("kg1", "# page size: 5\n"), ("kg2", "# paging: keyset\n# timeout: 9\n")):
        (tmp_path / f"{name}.rq").write_text(f"# endpoint: {server.url}\n{lines}# All of it.\n")
    (tmp_path / "links.csv").write_text("left,right\nhttp://x/a,http://x/a\n")
    assert recognise_format(tmp_path / "kg1.rq") == "SPARQL endpoint"
    kg1, kg2, _ = read_pair(tmp_path)
    assert content(kg1) == content(kg2) == whole and kg1.name == "kg1"
    assert (tmp_path / "kg1.pages" / "page-000002.nt").is_file()
    n_queries = len(server.queries)
    read_pair(tmp_path)
    assert len(server.queries) == n_queries


def test_a_file_with_a_query(server, tmp_path):
    path = tmp_path / "g.rq"
    path.write_text(
        f"# endpoint: {server.url}\n# page size: 2\nPREFIX x: <{X}>\n# Only r.\n"
        "SELECT ?s ?p ?o WHERE { VALUES ?p { x:r } ?s ?p ?o }\n"
    )
    assert read_graph(path).relation_names.tolist() == [X + "r"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("SELECT ?s", r"g.rq, line 1: expected a line # endpoint: https://ADDRESS; found 'SELECT"),
        ("# endpoint: ftp://x\n", "expected a line # endpoint: https://ADDRESS"),
        ("# endpoint: http://127.0.0.1:9/\n# page size: many\n", "expected numbers as settings"),
        ("# endpoint: http://127.0.0.1:9/\n# paging: x\n", "Expected paging to be one of"),
        ("", "found an empty file"),
    ],
)
def test_files_that_name_none(tmp_path, text, message):
    (tmp_path / "g.rq").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_graph(tmp_path / "g.rq")


# Answers

texts = st.text(max_size=8)
terms = st.fixed_dictionaries(
    {"type": st.sampled_from(["uri", "bnode", "literal", "typed-literal"]), "value": texts},
    optional={"xml:lang": st.sampled_from(["", "en", "de-AT", "en_US"]), "datatype": texts},
)


@given(terms, terms, texts)
def test_any_term_comes_through(subject, value, predicate):
    subject["type"] = "uri" if "literal" in subject["type"] else subject["type"]
    row = {"s": subject, "p": {"type": "uri", "value": predicate}, "o": value}
    data = json.dumps({"results": {"bindings": [row]}}).encode()
    try:
        (line,) = lines_of(data)
    except PassingError:
        assert any("\ud800" <= c <= "\udfff" for c in str(row))
        return
    (triple,) = oxigraph.parse(line.encode(), oxigraph.RdfFormat.N_TRIPLES, lenient=True)
    assert triple.predicate.value == predicate
    if value["type"] != "bnode":
        assert triple.object.value == value["value"]


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_told(data):
    with pytest.raises(PassingError, match="no rows"):
        lines_of(data)


def test_a_file_with_a_query_is_tried_as_often_as_is_asked_for(server, tmp_path):
    path = tmp_path / "q.rq"
    path.write_text(f"# endpoint: {server.url}\n# timeout: 5\n")
    server.plans = [(503, {}, b"busy")] * 40
    with pytest.raises(OSError, match="within 2 tries"):
        read_sparql(path, n_retries=1, backoff=0)
