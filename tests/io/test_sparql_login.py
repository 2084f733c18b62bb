"""An endpoint that asks who one is; what it was told is nowhere else."""

import base64
import http.server
import threading

import pytest

from ibmea_sklearn.io import read_graph, read_sparql
from ibmea_sklearn.io._sparql_client import Client
from ibmea_sklearn.io._sparql_login import read_login

pytest.importorskip("pyoxigraph")

TOKEN, LOGIN = "s3cret-t0ken", "anna:pass:wörd"
HEADERS = {
    "token_env": f"Bearer {TOKEN}",
    "login_env": "Basic " + base64.b64encode(LOGIN.encode()).decode(),
}
PAGE = (
    b'{"results": {"bindings": [{"s": {"type": "uri", "value": "http://x/a"}, "p": {"type": "uri", '
    b'"value": "http://x/p"}, "o": {"type": "uri", "value": "http://x/b"}}]}}'
)
NONE = b'{"results": {"bindings": []}}'


class Handler(http.server.BaseHTTPRequestHandler):
    """Admits who says what the server wants to hear, and repeats what others say."""

    def do_GET(self):
        server, said = self.server, self.headers.get("Authorization", "")
        server.heard.append(said)
        if server.elsewhere:
            self.reply(302, b"", Location=server.elsewhere)
        elif said != server.wanted:
            self.reply(server.refuses, f"no entry with {said}, {TOKEN} or {LOGIN}".encode())
        else:
            self.reply(200, PAGE if "OFFSET 0" in self.path.replace("+", " ") else NONE)

    def reply(self, status, data, **headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def start():
    """Start servers that want to hear something."""
    made = []

    def run(wanted="", refuses=401, elsewhere=""):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.wanted, server.refuses, server.elsewhere, server.heard = (
            *(wanted, refuses, elsewhere),
            [],
        )
        server.url = f"http://127.0.0.1:{server.server_port}/sparql"
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        made.append(server)
        return server

    yield run
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    monkeypatch.setenv("IBMEA_TOKEN", TOKEN)
    monkeypatch.setenv("IBMEA_LOGIN", f" {LOGIN}\n")


def env(parameter):
    return {parameter: "IBMEA_" + parameter.partition("_")[0].upper()}


def is_told(text):
    packed = HEADERS["login_env"].partition(" ")[2]
    return any(secret in text for secret in (TOKEN, LOGIN, LOGIN.partition(":")[2], packed))


@pytest.mark.parametrize("parameter", HEADERS)
def test_who_asks_is_admitted_and_nothing_of_it_is_written(start, tmp_path, parameter):
    server = start(HEADERS[parameter])
    kg = read_sparql(server.url, folder=tmp_path, **env(parameter), n_retries=0)
    assert kg.entity_ids.tolist() == ["http://x/a", "http://x/b"]
    assert set(server.heard) == {HEADERS[parameter]}
    assert len(list(tmp_path.iterdir())) == 2
    assert not any(is_told(path.read_text()) for path in tmp_path.iterdir())


@pytest.mark.parametrize("parameter", HEADERS)
@pytest.mark.parametrize("status", [401, 403, 400, 503])
def test_what_a_server_repeats_is_in_no_error(start, parameter, status):
    server = start("another", status)
    with pytest.raises((ValueError, OSError)) as caught:
        read_sparql(server.url, **env(parameter), n_retries=0)
    assert "[hidden]" in str(caught.value)
    assert ("Check login_env or token_env" in str(caught.value)) == (status in (401, 403))
    own = TOKEN if parameter == "token_env" else LOGIN.partition(":")[2]
    for error in (caught.value, caught.value.__cause__):
        assert own not in str(error) and HEADERS[parameter].partition(" ")[2] not in str(error)


def test_another_server_is_not_told(start):
    there = start()
    here = start(elsewhere=there.url)
    with pytest.raises((ValueError, OSError)):
        read_sparql(here.url, token_env="IBMEA_TOKEN", n_retries=0)
    assert here.heard == [HEADERS["token_env"]]
    assert set(there.heard) <= {""}


def test_a_file_names_its_variable(start, tmp_path):
    server = start(HEADERS["token_env"])
    path = tmp_path / "g.rq"
    path.write_text(f"# endpoint: {server.url}\n# token env: IBMEA_TOKEN\n")
    assert read_graph(path).n_entities == 2
    path.write_text(f"# endpoint: {server.url}\n# token env: HOME\n")
    with pytest.raises(ValueError, match="to begin with IBMEA_: .* Found 'HOME'"):
        read_graph(path)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"token_env": "IBMEA_NOT_SET"}, "variable IBMEA_NOT_SET, .* a bearer token; found noth"),
        ({"token_env": "IBMEA_LOGIN"}, "to hold a bearer token; found something else"),
        ({"login_env": "IBMEA_TOKEN"}, "to hold USER:PASSWORD; found something else"),
        ({"token_env": "s3cret t0ken"}, "to be the name of an environment variable"),
        ({"token_env": ""}, "to be the name of an environment variable"),
        ({"login_env": 3}, "to be the name of an environment variable"),
        ({"token_env": "IBMEA_TOKEN", "login_env": "IBMEA_LOGIN"}, "found both"),
    ],
)
def test_wrong_variables(how, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_sparql("http://127.0.0.1:9/", n_retries=0, **how)
    assert not is_told(str(caught.value)) and "s3cret t0ken" not in str(caught.value)


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="without user and password") as caught:
        read_sparql("https://anna:hush@127.0.0.1:9/", n_retries=0)
    assert "hush" not in str(caught.value)


def test_sent_unencrypted_is_told():
    with pytest.warns(UserWarning, match="sent unencrypted"):
        read_login("http://example.org/sparql", None, "IBMEA_TOKEN")


def test_what_is_printed_says_nothing():
    client = Client(
        "http://127.0.0.1/", 1, 0, 1, read_login("http://127.0.0.1/", "IBMEA_LOGIN", None)
    )
    assert not is_told(repr(client))
