"""ChatModel against a real server on this machine, and LanguageModelMatcher: also when it fails."""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
import time
import traceback
import warnings
from collections import deque
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from chat_server import Handler, Server, completion
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import (
    AttributeAbstract,
    ChatModel,
    LanguageModelError,
    LanguageModelMatcher,
    NameMatcher,
)
from ibmea_sklearn.featurizers._cache import Cache
from ibmea_sklearn.featurizers.texts.attribute_names import Labels
from ibmea_sklearn.featurizers.texts.language_model import LanguageModelRefusal
from ibmea_sklearn.featurizers.texts.language_model_matcher import read_answer

KEY = "sk-secret-0123456789"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TEST_KEY", KEY)
    server = Server()
    yield server
    server.close()


# ChatModel


def test_request_and_answer(server):
    server.says(completion("Grüße"))
    model = server.model(api_key_env="TEST_KEY", options={"max_tokens": 5})
    assert model("hällo") == "Grüße"
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    message = {"role": "user", "content": "hällo"}
    assert body == {"model": "tiny", "messages": [message], "max_tokens": 5}


def test_no_key_is_sent_unasked(server, monkeypatch, tmp_path):
    """Neither one of the environment, nor one of ~/.netrc."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login me password {KEY}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.says(completion("yes"))
    assert server.model()("hi") == "yes"
    _, headers, body = server.requests[0]
    assert "Authorization" not in headers and KEY not in str(headers)
    assert body["temperature"] == 0


PASSING = [(status, {}, "busy") for status in (408, 425, 429, 500, 502, 503, 504, 529)]


@pytest.mark.parametrize("bad", PASSING, ids=lambda answer: str(answer[0]))
def test_tries_again(server, bad):
    server.says(bad, bad, completion("at last"))
    assert server.model()("hi") == "at last"
    assert len(server.requests) == 3


def test_gives_up(server):
    server.says((503, {}, "busy"))
    with pytest.raises(LanguageModelError, match="found the status 503") as info:
        server.model()("hi")
    assert len(server.requests) == 3
    assert not isinstance(info.value, LanguageModelRefusal)


def test_waits_as_long_as_the_server_asks_for(server, monkeypatch):
    waited = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waited.append)
    asks = [(429, {"Retry-After": seconds}, "") for seconds in ("7", "86400")]
    server.says(*asks, completion("at last"))
    assert server.model()("hi") == "at last"
    assert waited == [7, 60]


def test_waits_longer_each_time(server, monkeypatch):
    waited = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waited.append)
    server.says((500, {}, ""))
    with pytest.raises(LanguageModelError):
        server.model(n_retries=4, backoff=1.5)("hi")
    assert waited == [3, 6, 12]


def test_a_server_that_says_nothing(server):
    server.says(None)
    with pytest.raises(LanguageModelError, match=r"an answer from .* within 2 tries; found"):
        server.model(timeout=0.1, n_retries=1)("hi")
    assert len(server.requests) == 2


def test_silence_then_an_answer(server):
    server.says(None, completion("at last"))
    assert server.model(timeout=0.2)("hi") == "at last"


@pytest.mark.parametrize("pace", ["endless", "slow"])
def test_an_answer_without_end(monkeypatch, pace):
    class Endless(Handler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            part = b" " * (1 << 20 if pace == "endless" else 1)
            with suppress(OSError):
                while not self.server.is_over.wait(0 if pace == "endless" else 0.05):
                    self.wfile.write(part)

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server(Endless)
    try:
        start = time.monotonic()
        with pytest.raises(LanguageModelError, match="found Timeout"):
            server.model(timeout=30.0 if pace == "endless" else 0.2)("hello")
        assert time.monotonic() - start < 10
    finally:
        server.close()


def test_no_server():
    model = ChatModel("http://127.0.0.1:9/v1", "tiny", n_retries=0)
    with pytest.raises(LanguageModelError, match="within 1 tries; found ConnectionError"):
        model("hi")


GARBAGE = {
    "no JSON": "<html>",
    "nothing": "",
    "no object": "[1, 2]",
    "no choices": '{"choices": []}',
    "no message": '{"choices": [{"text": "x"}]}',
    "no text": '{"choices": [{"message": {"content": null}}]}',
    "an error": '{"error": {"message": "no"}}',
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE)
def test_garbage(server, text):
    server.says((200, {}, text))
    with pytest.raises(LanguageModelError, match="completion of a chat from .* something else"):
        server.model()("hi")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_refusals(server, status):
    server.says((status, {}, json.dumps({"error": {"message": "no model called tiny"}})))
    with pytest.raises(LanguageModelRefusal, match=f"found the status {status}") as info:
        server.model()("hi")
    assert len(server.requests) == 1
    assert ("no model called tiny" in str(info.value)) == (status not in (401, 403))


def test_redirections_are_not_followed(server):
    server.says((307, {"Location": f"{server.url}/elsewhere"}, ""))
    with pytest.raises(LanguageModelRefusal, match="found the status 307"):
        server.model(api_key_env="TEST_KEY")("hi")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("localhost/v1", "m"), "base_url to be an address such as .*; found another"),
        (("ftp://host/v1", "m"), "base_url to be an address"),
        ((f"https://me:{KEY}@host/v1", "m"), "base_url without user, password or query"),
        ((f"https://host/v1?key={KEY}", "m"), "base_url without user, password or query"),
        (("http://host/v1", "m", KEY), "api_key_env to be the name of an environment variable"),
    ],
    ids=str,
)
def test_addresses_and_keys_in_the_wrong_place(args, message):
    keys = {"api_key_env": args[2]} if len(args) > 2 else {}
    with pytest.raises(ValueError, match=message) as info:
        ChatModel(*args[:2], **keys)
    assert KEY not in str(info.value)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"timeout": 0}, r"timeout to be a number in \(0, .*; found 0"),
        ({"timeout": "9"}, r"timeout to be a number in \(0, .*; found '9'"),
        ({"n_retries": -1}, "n_retries to be an integer of at least 0; found -1"),
        ({"n_retries": 1.5}, "n_retries to be an integer of at least 0; found 1.5"),
        ({"backoff": -1}, "backoff to be a number in .*; found -1"),
    ],
    ids=str,
)
def test_numbers_out_of_range(params, message):
    with pytest.raises(ValueError, match=message):
        ChatModel("http://localhost/v1", "m", **params)


@pytest.mark.parametrize("key", ["", "  \n", f"{KEY}\nX: {KEY}", f"{KEY}\u00e9"], ids=repr)
def test_no_key_in_the_variable(server, monkeypatch, key):
    server.says(completion("yes"))
    monkeypatch.setenv("TEST_KEY", key)
    with pytest.raises(LanguageModelRefusal, match="variable that api_key_env names") as info:
        server.model(api_key_env="TEST_KEY")("hi")
    assert KEY not in str(info.value)
    assert not server.requests


def echo(request):
    """Say back what was sent, the key included."""
    return completion(f"{request[1]} {json.dumps({'left': 'right'})}")


ECHOES = {
    "an answer": echo,
    "an error": lambda request: (400, {}, json.dumps({"error": {"message": str(request[1])}})),
    "a failure": lambda request: (500, {}, json.dumps({"error": {"message": str(request[1])}})),
    "a refusal": lambda request: (401, {}, json.dumps({"error": {"message": KEY[:8] + "***"}})),
    "garbage": lambda request: (200, {}, str(request[1])),
    "silence": None,
}


@pytest.mark.parametrize("answer", ECHOES.values(), ids=ECHOES)
def test_the_key_is_nowhere(server, answer, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    server.says(answer)
    model = server.model(api_key_env="TEST_KEY", timeout=0.1, n_retries=1)
    matcher = LanguageModelMatcher(model, cache_dir=tmp_path)
    kgs = [KnowledgeGraph(attribute_triples={"e": {name: 1}}) for name in ("left", "right")]
    shown = [repr(matcher), repr(AttributeAbstract(matcher)), str(model), model.cache_name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            shown.append(matcher.match(SeedPairs(*kgs, [])).to_string())
        except LanguageModelError as error:
            shown += traceback.format_exception(error)
            while error is not None:  # also what is hidden by `from None`
                shown.append(repr(error))
                error = error.__context__
    assert server.requests[0][1]["Authorization"] == f"Bearer {KEY}"
    shown += [str(w.message) for w in caught] + [caplog.text, str(pickle.dumps(matcher))]
    shown += [path.read_bytes().decode("latin1") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in shown if KEY in text or KEY[:8] in text]


# LanguageModelMatcher

N = 30
PAIRS = [("hauteur", "height"), ("naissance", "born"), ("poids", "weight"), ("sexe", "sex")]


def view(n_seeds=20, pairs=PAIRS):
    rng = np.random.default_rng(0)
    left, right = [], []
    for i in range(N):
        same = rng.normal(size=len(pairs)).round(6)
        for j, (a, b) in enumerate(pairs):
            # The values of the first attribute agree, the others are those of chance.
            left.append((f"a{i}", a, same[j]))
            right.append((f"b{i}", b, same[j] if j == 0 else round(rng.normal(), 6)))
    kgs = (KnowledgeGraph(attribute_triples=rows) for rows in (left, right))
    return SeedPairs(*kgs, [(f"a{i}", f"b{i}") for i in range(n_seeds)])


def matched(table):
    return dict(zip(table["attribute_1"], table["attribute_2"], strict=True))


class Model:
    """A callable that answers in turn, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.prompts = deque(answers), []

    def __call__(self, prompt):
        self.prompts.append(prompt)
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def __deepcopy__(self, memo):
        return self


GOOD = json.dumps(dict(PAIRS))


def match(*answers, X=None, **params):
    model = Model(*answers)
    matcher = LanguageModelMatcher(model, **{"cache_dir": False, **params})
    return matcher.match(view() if X is None else X), model


def test_asks_for_what_values_do_not_tell():
    table, model = match(GOOD)
    assert matched(table) == dict(PAIRS)
    by_model = table.set_index("attribute_1")["by_model"]
    assert by_model.to_dict() == {"hauteur": False, "naissance": True, "poids": True, "sexe": True}
    (prompt,) = model.prompts
    example, rest = prompt.split("Attributes of data set 2")
    assert '"hauteur" [' in example and '= "height" [' in example
    values1, values2 = (part.split("[")[1].split("]")[0] for part in example.split(" = "))
    assert values1 == values2 and values1.count(",") == 2
    offered, asked = rest.split("Attributes of data set 1")
    assert {name for _, name in PAIRS if f'"{name}" [' in offered} == {"born", "weight", "sex"}
    assert {name for name, _ in PAIRS if f'"{name}" [' in asked} == {"naissance", "poids", "sexe"}


def test_no_examples():
    table, model = match(GOOD, n_examples=0)
    assert matched(table) == dict(PAIRS) and table["by_model"].all()
    assert "known to mean the same" not in model.prompts[0]
    assert table.set_index("attribute_1").loc["hauteur", "n_seeds"] == 20


def test_the_model_outweighs_values_and_says_no():
    table, _ = match(
        '{"hauteur": "weight", "naissance": null, "poids": null, "sexe": null}', n_examples=0
    )
    assert matched(table) == {"hauteur": "weight"}


def test_one_attribute_for_two_goes_to_the_likelier_one():
    answer = '{"hauteur": "height", "naissance": "height", "poids": "weight", "sexe": "height"}'
    table, _ = match(answer, n_examples=0)
    assert matched(table) == {"hauteur": "height", "poids": "weight"}


def test_what_is_known_is_not_given_away():
    table, _ = match('{"naissance": "height", "poids": null, "sexe": null}')
    assert matched(table) == {"hauteur": "height"}


def test_asks_several_times_and_the_frequent_ones_first():
    X = view(pairs=[(f"p{i}", f"q{i}") for i in range(5)])
    more = [("a0", "p4", 100.0 + i) for i in range(9)]
    triples = zip(
        X.kg1.entity_ids[X.kg1.attribute_triples[:, 0]],
        X.kg1.attribute_names[X.kg1.attribute_triples[:, 1]],
        X.kg1.attribute_values,
        strict=True,
    )
    X = SeedPairs(KnowledgeGraph(attribute_triples=[*triples, *more]), X.kg2, X.pairs)
    _, model = match('{"p4": null, "p1": null}', '{"p2": null, "p3": null}', X=X, n_names=2)
    asked = [prompt.split("Attributes of data set 1")[1] for prompt in model.prompts]
    assert ['"p4" [' in asked[0], '"p1" [' in asked[0]] == [True, True]
    assert ['"p2" [' in asked[1], '"p3" [' in asked[1]] == [True, True]
    assert len(asked) == 2


def test_offers_the_likeliest():
    left = {"a": {"birthDate": 1}}
    right = {"b": {"date_of_birth": 1, "height": 2, "weight": 3, "eyes": 4}}
    kgs = [KnowledgeGraph(attribute_triples=said) for said in (left, right)]
    X = SeedPairs(*kgs, [])
    _, model = match('{"birthDate": null}', X=X, n_offered=1)
    assert '"date_of_birth" ["1"]' in model.prompts[0] and '"height"' not in model.prompts[0]


def test_a_few_values_are_shown_whatever_their_order():
    said = [("e", "p", value) for value in (None, "d", "", "a", "c", "b", "b", "e")]
    for rows in (said, said[::-1]):
        labels = Labels(KnowledgeGraph(attribute_triples=rows), np.array(["p"], object))
        assert labels.line(0) == '"p" ["a", "c", "e"]'


def test_names_of_iris_are_cut_unless_ambiguous():
    kg = KnowledgeGraph(
        attribute_triples={
            "e": {"http://x.org/p": 1, "http://y.org/p": 2, "http://x.org/q": "long" * 99}
        }
    )
    labels = Labels(kg, kg.attribute_names)
    assert labels.texts == ["http://x.org/p", "http://y.org/p", "q"]
    assert labels.line(2).endswith('..."]') and len(labels.line(2)) < 70


# Answers


@pytest.fixture(scope="module")
def labels():
    graphs = (
        KnowledgeGraph(attribute_triples={"e": dict.fromkeys(names, 1)})
        for names in (["a", "b", "c"], ["x", "y", "z"])
    )
    return tuple(Labels(kg, kg.attribute_names) for kg in graphs)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"a": "x", "b": null}', {0: 0, 1: None}),
        ('```json\n{"a": "x"}\n```', {0: 0}),
        ('Let me think {hm}. {"a": "y"} ... no: {"a": "x"}', {0: 0}),
        ('{"matches": {"a": "z", "b": "y"}, "note": "done"}', {0: 2, 1: 1}),
        ('{"a": "x", "b": "unheard of", "unasked": "y", "c": 3}', {0: 0}),
        ('{"a": ["x"], "b": {"c": "y"}}', {2: 1}),
        ('{"a": "x"', {}),
        ("I can't.", {}),
        ("", {}),
        (None, {}),
        (7, {}),
        ('["a", "x"]', {}),
        ('{"a": ' * 50_000, {}),
        ("{" * 200_000, {}),
        ("x" * 300_000 + '{"a": "x"}', {}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_answers(labels, answer, expected):
    assert read_answer(answer, labels, np.arange(3)) == expected


@given(st.text() | st.from_regex(r'[{}":,\[\]abxyz\\ ]{0,40}', fullmatch=True))
def test_any_text_is_survived(labels, text):
    found = read_answer(text, labels, np.arange(2))
    assert set(found) <= {0, 1} and set(found.values()) <= {0, 1, 2, None}


# Failures


def test_malformed_answers_fall_back_with_one_warning():
    offline = NameMatcher().match(view())
    with pytest.warns(UserWarning) as caught:
        table, model = match("Sorry!", "{", '{"sexe": "sex"}', n_names=1)
    assert [str(w.message) for w in caught] == [
        "The language model answered for 1 of 3 attributes; for the others values and names "
        "decided. 2: no sensible answer."
    ]
    assert matched(table) == {**matched(offline), "sexe": "sex"}
    assert len(model.prompts) == 3


def test_a_part_of_an_answer_counts():
    with pytest.warns(UserWarning, match=r"answered for 1 of 3 .* 2: no sensible answer\.$"):
        table, _ = match('{"poids": "weight", "sexe": "unheard of"}')
    assert matched(table) == {"hauteur": "height", "poids": "weight"}


def test_budget():
    with pytest.warns(UserWarning, match=r"for 1 of 3 .* 2: not asked within max_calls=1\."):
        _, model = match(GOOD, n_names=1, max_calls=1)
    assert len(model.prompts) == 1


def test_three_failures_in_a_row_are_enough():
    X = view(pairs=[(f"p{i}", f"q{i}") for i in range(8)])
    with pytest.warns(UserWarning) as caught:
        _, model = match(
            ValueError(KEY),
            '{"p2": null}',
            OSError(KEY),
            OSError(KEY),
            OSError(KEY),
            X=X,
            n_names=1,
        )
    assert len(caught) == 1 and KEY not in str(caught[0].message)
    assert str(caught[0].message).endswith(
        "1: the model raised ValueError. 3: the model raised OSError. "
        "2: not asked after 3 calls without answer."
    )
    assert len(model.prompts) == 5


def test_an_interrupt_is_no_failure():
    with pytest.raises(KeyboardInterrupt):
        match(KeyboardInterrupt())


def test_a_server_in_bad_shape(server, tmp_path):
    server.says(
        completion("What?"), (200, {}, "<html>"), (429, {"Retry-After": "0"}, ""), completion(GOOD)
    )
    matcher = LanguageModelMatcher(server.model(), n_names=1, cache_dir=tmp_path)
    with pytest.warns(UserWarning) as caught:
        table = matcher.match(view())
    assert matched(table) == {"hauteur": "height", "sexe": "sex"}
    assert len(caught) == 1
    assert "answered for 1 of 3" in str(caught[0].message)
    assert "1: no sensible answer." in str(caught[0].message)
    assert "1: Expected a completion of a chat" in str(caught[0].message)


def test_a_refusal_is_raised(server):
    server.says((404, {}, json.dumps({"error": {"message": "no model called tiny"}})))
    with pytest.raises(LanguageModelRefusal, match="no model called tiny"):
        AttributeAbstract(server.model()).fit(view())


# Cache


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_answers_are_kept(server, tmp_path):
    server.says(completion(GOOD))
    matcher = LanguageModelMatcher(server.model(), cache_dir=tmp_path, max_calls=1)
    tables = [clone(matcher).match(view()) for _ in range(3)]
    assert len(server.requests) == 1
    pd.testing.assert_frame_equal(tables[0], tables[2])
    (path,) = files(tmp_path)
    prompt = server.requests[0][2]["messages"][0]["content"]
    key = hashlib.sha256(prompt.encode()).digest()
    assert Cache(path.parent).read([key]) == {key: GOOD.encode()}
    # Another model, other options, another question: asked anew.
    for params in ({"model": "large"}, {"options": {}}):
        other = ChatModel(**{"base_url": server.url, "model": "tiny", "timeout": 5.0, **params})
        LanguageModelMatcher(other, cache_dir=tmp_path).match(view())
    clone(matcher).match(view()[10:])
    assert len(server.requests) == len(files(tmp_path)) == 4
    # Not if the examples stay the same, as with most seeds of a fold.
    clone(matcher).match(view(n_seeds=19)[::-1])
    assert len(server.requests) == 4


def test_a_damaged_file_is_as_none(server, tmp_path):
    server.says(completion(GOOD))
    matcher = LanguageModelMatcher(server.model(), cache_dir=tmp_path)
    matcher.match(view())
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    for damaged in (b"", b"{", b"[]", whole[:-1], whole.replace(b"hauteur", b"largeur")):
        assert damaged != whole
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match="found 1 that are damaged"):
            assert matched(matcher.match(view())) == dict(PAIRS)
        assert path.read_bytes() == whole
    assert len(server.requests) == 6


def test_senseless_answers_are_not_kept(server, tmp_path):
    server.says(completion("Sorry!"), completion(GOOD))
    matcher = LanguageModelMatcher(server.model(), cache_dir=tmp_path)
    with pytest.warns(UserWarning, match="answered for 0 of 3"):
        matcher.match(view())
    assert not files(tmp_path)
    assert matched(matcher.match(view())) == dict(PAIRS)


def test_a_folder_that_can_not_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cache_dir to be a path to a folder.*Not a directory"):
        match(GOOD, cache_dir=tmp_path / "file" / "folder", cache_name="m")


def test_where_answers_of_a_callable_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path))
    match(GOOD, cache_dir=None)
    match(GOOD, cache_dir=False, cache_name="m")
    assert not files(tmp_path)
    for _ in range(2):
        _, model = match(GOOD, cache_dir=None, cache_name="m")
    assert len(files(tmp_path / "answers")) == 1 and not model.prompts


def test_any_character_can_be_asked_and_kept(tmp_path):
    kgs = [KnowledgeGraph(attribute_triples={"e": {name: "\ud800ü"}}) for name in ("名", "имя")]
    answer = json.dumps({"名": "имя"}, ensure_ascii=False)
    for _ in range(2):
        table, model = match(answer, X=SeedPairs(*kgs, []), cache_dir=tmp_path, cache_name="m")
        assert matched(table) == {"名": "имя"}
    assert not model.prompts


# Faults


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"model": "gpt"}, TypeError, "model to be a callable from text to text; found 'gpt'"),
        ({"offline": "x"}, TypeError, "offline to be None or a NameMatcher; found 'x'"),
        ({"n_examples": -1}, ValueError, "n_examples to be an integer"),
        ({"n_names": 0}, ValueError, "n_names to be an integer of at least 1; found 0"),
        ({"n_offered": 1.5}, ValueError, "n_offered to be an integer"),
        ({"max_calls": 0}, ValueError, "max_calls to be an integer of at least 1; found 0"),
        (
            {"cache_dir": 3},
            ValueError,
            "cache_dir to be a path to a folder or .*; found 3",
        ),
        ({"cache_name": 3}, ValueError, "cache_name to be a string or None; found 3"),
    ],
    ids=str,
)
def test_bad_parameters(params, error, message):
    with pytest.raises(error, match=message):
        LanguageModelMatcher(**{"model": str, **params}).match(view())


def test_no_view():
    with pytest.raises(TypeError, match=r"LanguageModelMatcher.match expects a view .* found str"):
        LanguageModelMatcher(str).match("x")


def test_nothing_to_ask():
    kgs = [KnowledgeGraph(attribute_triples={"e": {"p": value}}) for value in (1, None)]
    for X in (SeedPairs(*kgs, []), SeedPairs(*kgs[::-1], [])):
        table, model = match(GOOD, X=X)
        assert table.empty and "by_model" in table and not model.prompts


def test_params_and_clone():
    matcher = LanguageModelMatcher(ChatModel("http://host/v1", "m"), NameMatcher(3))
    again = clone(matcher).set_params(offline__min_support=4, max_calls=7)
    assert (again.offline.min_support, again.max_calls) == (4, 7)
    assert again.model == matcher.model
    assert pickle.loads(pickle.dumps(matcher)).model == matcher.model
