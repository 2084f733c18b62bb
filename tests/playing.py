"""What a server answers that plays a language model: it reads a question, and chooses a letter."""

import json
import re
from typing import NamedTuple

from chat_server import completion

_OPTION = re.compile(r"^([A-Z]): (.*)$", re.MULTILINE)
ORDERS = ("answer same", "ignore")


class Asked(NamedTuple):
    """The thing and the candidates by letter, as data; the letters of the two other answers."""

    thing: dict
    options: dict
    none: str
    unsure: str


def asked(prompt):
    """Read a question, as a model would."""
    text = prompt if isinstance(prompt, str) else "\n".join(p.get("text", "") for p in prompt)
    options = dict(_OPTION.findall(text))
    none, unsure = (
        next(letter for letter, said in options.items() if said.startswith(start))
        for start in ("none of these", "it can't")
    )
    thing = json.loads(re.search(r"^The thing: (.*)$", text, re.MULTILINE)[1])
    lines = {letter: json.loads(said) for letter, said in options.items() if said[0] == "{"}
    return Asked(thing, lines, none, unsure)


def number_of(entity):
    """The number in the name of an entity: the same ones have the same."""
    return re.search(r"\d+", entity["names"][0])[0]


def chooses(choose):
    """Make a server's answer out of a function from a question to a letter."""

    def answer(request):
        content = request[2]["messages"][0]["content"]
        return completion(json.dumps({"answer": choose(asked(content))}))

    return answer


def honest(question):
    """Choose the candidate with the thing's number."""
    found = [k for k, e in question.options.items() if number_of(e) == number_of(question.thing)]
    return found[0] if found else question.none


def obedient(question):
    """Do as a name says; answer well where none says anything."""
    for letter, entity in question.options.items():
        if any(ORDERS[0] in name for name in entity["names"]):
            return letter
    return honest(question)
