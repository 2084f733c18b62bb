"""SHA-256 of the files of public data sets, None where the original was not at hand."""

from __future__ import annotations

_DBP15K_FILES = (
    "ent_ids_1",
    "ent_ids_2",
    "triples_1",
    "triples_2",
    "ill_ent_ids",
    "training_attrs_1",
    "training_attrs_2",
)

# Subset, then file.
DBP15K: dict[str, dict[str, str | None]] = {
    "zh_en": {
        "ent_ids_1": "6d230db7922b58f6fe31fb75b478d5edcbb3cc7d3f76763b5af8232ff1940082",
        "ent_ids_2": "68d7cccc5334881d386094df3e4f9af479eedf3161ed00ec4d06e0685d510f69",
        "triples_1": "5bd1df6af7b51a0bc1111809c980364455e42f2cc27946cd664861f0d95aafcb",
        "triples_2": "bbab07e5d97247221d742a7ab4e14c20ffdb3125667b2bac2b317a714a07bc48",
        "ill_ent_ids": "f6fc5f4b4c162eb21119697561b38686c48935222c11d07f08edc6efc5414507",
        "training_attrs_1": None,
        "training_attrs_2": None,
    },
    "ja_en": {
        "ent_ids_1": "c0163c3e4d1a1173fde4941c6c3752e659ff54c50149fbe8776e10c78077f1ad",
        "ent_ids_2": "b6e8aa468861daa932f5bbb50c4743273418331839543de8889b13cc267a84a2",
        "triples_1": "5c9396f4bc18f62f395bdea897228285be85f3590d89c336739877d7fc0eeae5",
        "triples_2": "aeb66ed5e3dd1588f4d7e2cae50bc930794dbc29063f71365242c924ae27c2d6",
        "ill_ent_ids": "60edbd1d05d65e80cc81957eb6efa06fa53901a2a3042cfb0a115abccb2dff91",
        "training_attrs_1": None,
        "training_attrs_2": None,
    },
    "fr_en": dict.fromkeys(_DBP15K_FILES),
}

# Graph, then kind of file, as in FB15K/FB15K_EntityTriples.txt. Each graph but FB15K brings its
# links to FB15K.
MMKG: dict[str, dict[str, str | None]] = {
    "FB15K": {
        "EntityTriples": "b1f7384259a93b79fcac9696c172cef5c1ce393d2e312c8f4399a67dc1a770f1",
        "NumericalTriples": "9fd4f2dfe95af2bc4caa6ce1db84641168f42be759217dfbfcf95ca79d5aa0f3",
        "ImageIndex": "3e7e2be4f8f801d0cfc57ab7fcbb537ffe3d26212f17383c4091c19686f76940",
    },
    "DB15K": {
        "EntityTriples": None,
        "NumericalTriples": None,
        "ImageIndex": "fcd2f034111388af8ae3fc58e15822d85b02d9d043b5191b4b0ffa0a622bd29b",
        "SameAsLink": "329f13f5834eff712ab7fcaa214407d3f48bcaa9b6c48e5fcae632994e070141",
    },
    "YAGO15K": {
        "EntityTriples": None,
        "NumericalTriples": None,
        "ImageIndex": None,
        "SameAsLink": None,
    },
}
