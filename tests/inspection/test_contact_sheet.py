"""The contact sheet, pixel by pixel."""

import importlib
import io

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.inspection import contact_sheet
from ibmea_sklearn.inspection.contact_sheet import (
    FRAME,
    GAP,
    HEADING,
    MARGIN,
    PADDING,
    RIGHT,
    WRONG,
    card_size,
)

Image = pytest.importorskip("PIL.Image", reason="drawing needs the extra [images]")

# The package has a function of that name.
module = importlib.import_module("ibmea_sklearn.inspection.contact_sheet")
SIZE = 40
RED, BLUE, YELLOW, GREY = (255, 0, 0), (0, 0, 255), (255, 255, 0), (224, 224, 224)


def flat(colour):
    return np.full((9, 9, 3), colour, np.uint8)


def png(colour):
    file = io.BytesIO()
    Image.new("RGB", (5, 5), colour).save(file, format="PNG")
    return file.getvalue()


KG1 = KnowledgeGraph(
    [("idea", "like", "apple")],
    images={"apple": flat(RED), "sea": flat(BLUE), "sun": png(YELLOW), "moon": flat(BLUE)},
    texts={"apple": ["an apple", "a fruit"]},
)
KG2 = KnowledgeGraph(
    images={"Apfel": flat(RED), "See": png(BLUE), "Sonne": flat(YELLOW), "Mond": flat(YELLOW)},
    entities=["Idee"],
)
LINKS = [("apple", "Apfel"), ("sea", "See"), ("sun", "Sonne"), ("idea", "Idee")]


def found(*rows):
    return pd.DataFrame(rows, columns=["source", "target", "confidence"])


def draw(alignment, links=LINKS, kg1=KG1, **options):
    options = {"n_columns": 2, "image_size": SIZE, **options}
    return np.asarray(contact_sheet(kg1, KG2, alignment, links, **options))


def corners_by_card(picture, colour, n_lines):
    """Upper left corners (top, left) of the whole frames of a colour, row by row."""
    height = card_size(SIZE, n_lines)[1]
    same = (picture == colour).all(-1)
    width = card_size(SIZE, 0)[0]
    return [
        (top, left)
        for top in range(same.shape[0] - height + 1)
        for left in range(same.shape[1] - width + 1)
        if same[top : top + height, left : left + FRAME].all()
        and same[top : top + FRAME, left : left + width].all()
        and same[top + height - FRAME : top + height, left : left + width].all()
    ]


def image_colours(picture, corner):
    """Colours in the middle of both images of a card."""
    top, left = (c + FRAME + PADDING + SIZE // 2 for c in corner)
    return [tuple(picture[top, left + i * (SIZE + PADDING)].tolist()) for i in range(2)]


def test_right_and_wrong_pairs_stand_where_expected():
    rows = [("apple", "Apfel", 0.9), ("sea", "Sonne", 0.8), ("sun", "See", 0.7)]
    picture = draw(found(*rows))
    right, wrong = corners_by_card(picture, RIGHT, 3), corners_by_card(picture, WRONG, 4)
    width = card_size(SIZE, 3)[0]
    below = MARGIN + HEADING + card_size(SIZE, 3)[1] + GAP + HEADING
    assert right == [(MARGIN + HEADING, MARGIN)]
    assert wrong == [(below, MARGIN), (below, MARGIN + width + GAP)]
    assert image_colours(picture, right[0]) == [RED, RED]
    # Most confident first.
    assert [image_colours(picture, c) for c in wrong] == [[BLUE, YELLOW], [YELLOW, BLUE]]


def test_margins_are_empty():
    picture = draw(found(("apple", "Apfel", 0.9), ("sea", "Sonne", 0.8)), title="T", footer=["F"])
    edges = [picture[:MARGIN], picture[:, :MARGIN], picture[:, -MARGIN:]]
    for edge in edges:
        assert (edge == edge[0, 0]).all()


def test_most_confident_wrong_pairs_are_taken():
    rows = [("apple", "See", 0.1), ("sea", "Sonne", 0.8), ("sun", "Apfel", 0.5)]
    picture = draw(found(*rows), n_wrong=2)
    shown = [image_colours(picture, c) for c in corners_by_card(picture, WRONG, 4)]
    assert shown == [[BLUE, YELLOW], [YELLOW, RED]]


def test_right_pairs_are_drawn_at_random_and_the_same_each_time():
    rows = [("apple", "Apfel", 0.9), ("sea", "See", 0.8), ("sun", "Sonne", 0.7)]
    shown = set()
    for seed in range(20):
        picture = draw(found(*rows), n_right=1, random_state=seed)
        again = draw(found(*rows), n_right=1, random_state=seed)
        assert np.array_equal(picture, again)
        (corner,) = corners_by_card(picture, RIGHT, 3)
        shown.add(image_colours(picture, corner)[0])
    assert shown == {RED, BLUE, YELLOW}


def test_pairs_of_which_nothing_is_known_or_without_images_are_left_out():
    rows = [("apple", "Apfel", 0.9), ("moon", "Mond", 0.9), ("idea", "Idee", 0.9)]
    picture = draw(found(*rows))
    assert len(corners_by_card(picture, RIGHT, 3)) == 1
    assert not (picture == WRONG).all(-1).any()


def test_a_target_with_another_partner_makes_a_pair_wrong():
    picture = draw(found(("moon", "See", 0.9)))
    (corner,) = corners_by_card(picture, WRONG, 4)
    assert image_colours(picture, corner) == [BLUE, BLUE]


def test_an_image_that_cannot_be_read_is_grey():
    kg1 = KnowledgeGraph(images={"apple": "no/such/file.png"})
    picture = draw(found(("apple", "Apfel", 0.9)), kg1=kg1)
    (corner,) = corners_by_card(picture, RIGHT, 3)
    assert image_colours(picture, corner) == [GREY, RED]


def ink_of(picture, corner, line):
    """Dark pixels of a line of text under the images."""
    top = corner[0] + FRAME + PADDING + SIZE + 6 + line * 17
    left = corner[1] + FRAME + PADDING
    part = picture[top : top + 17, left : left + 2 * SIZE + PADDING]
    return int((part < 128).all(-1).sum())


def test_the_first_text_is_the_name_and_ids_serve_without():
    with_text = draw(found(("apple", "Apfel", 0.9)))
    images = {"apple": flat(RED), "an apple": flat(RED)}
    by_id = draw(
        found(("an apple", "Apfel", 0.9)), [("an apple", "Apfel")], KnowledgeGraph(images=images)
    )
    assert np.array_equal(with_text, by_id)
    corner = (MARGIN + HEADING, MARGIN)
    assert all(ink_of(with_text, corner, line) > 10 for line in range(3))


def test_letters_that_the_font_lacks_are_no_boxes():
    def named(name):
        kg1 = KnowledgeGraph(images={"apple": flat(RED)}, texts={"apple": name})
        return draw(found(("apple", "Apfel", 0.9)), kg1=kg1)

    assert np.array_equal(named("Österreich"), named("Osterreich"))
    assert np.array_equal(named("Straße"), named("Strasse"))
    assert ink_of(named("りんご"), (MARGIN + HEADING, MARGIN), 0) == 0


def test_a_long_name_stays_inside_of_its_card():
    kg1 = KnowledgeGraph(images={"apple": flat(RED)}, texts={"apple": "wide " * 40})
    picture = draw(found(("apple", "Apfel", 0.9)), kg1=kg1)
    assert corners_by_card(picture, RIGHT, 3) == [(MARGIN + HEADING, MARGIN)]
    beside = picture[MARGIN + HEADING :, MARGIN + card_size(SIZE, 3)[0] :]
    assert (beside == beside[0, -1]).all()


def test_integer_ids():
    kg = KnowledgeGraph(images={1: flat(RED), 2: flat(BLUE)})
    picture = contact_sheet(kg, kg, found((1, 1, 0.9)), np.array([[1, 1], [2, 2]]), n_columns=1)
    assert (np.asarray(picture) == RIGHT).all(-1).any()


def test_nothing_to_show():
    with pytest.raises(ValueError, match="found none to show among 1 pairs"):
        draw(found(("moon", "Mond", 0.9)))


@pytest.mark.parametrize(
    "option", [{"n_columns": 0}, {"n_right": -1}, {"n_wrong": -1}, {"image_size": 3}]
)
def test_numbers_out_of_range(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        draw(found(("apple", "Apfel", 0.9)), **option)


def test_names_go_before_texts(monkeypatch):
    cards = []
    monkeypatch.setattr(module, "_card", lambda found, colour: cards.append(found) or found)
    monkeypatch.setattr(module.Sheet, "draw", lambda sheet: None)
    kg1 = KG1.with_names({"apple": [("mela", "it"), ("apple tree", "en")]})
    links = [("apple", "Apfel"), ("sun", "Sonne")]
    contact_sheet(kg1, KG2, found(("apple", "Apfel", 0.9), ("sun", "See", 0.8)), links)
    assert [card.names for card in cards] == [("apple tree", "Apfel"), ("sun", "See")]
    assert [card.true_name for card in cards] == ["Apfel", "Sonne"]
