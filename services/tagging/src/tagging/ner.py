"""Names of people, places and organisations by slovnet's small neural net; its weights ride in the natasha wheel, which itself is not imported.

The arithmetic is slovnet's (github.com/natasha/slovnet, exec/model.py): three convolutions over words, a CRF on top. What differs is that
no word is computed twice: the first convolution is linear, so its product with a word's vector is kept for the next mention,
all sentences of a text go through the net as one sequence, and the CRF is solved only where the net is in doubt.
"""

import gzip
import importlib.util
import math
import os
import tarfile
import weakref
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from slovnet.const import SHAPE, TAG, WORD
from slovnet.exec.model import NER
from slovnet.exec.pack import Pack, vocab_name
from slovnet.shape import word_shape

from tagging.domain.sentences import Sentence
from tagging.domain.spans import Span

EMBEDDING = "emb/navec_news_v1_1B_250K_300d_100q.tar"
MODEL = "model/slovnet_ner_news_v1.tar"
MODEL_VERSION = "slovnet_ner_news_v1+2"
QUOTES = "«„“\"'"
MOST_KEPT_WORDS = 6_000
"""Words whose products are kept: 3 KB each."""

Matrix: TypeAlias = NDArray[np.float32]
FindNames: TypeAlias = Callable[[Sequence[Sentence]], list[Span]]


def load() -> FindNames:
    """A function: sentences of one text -> spans of names, in order. Loading takes about half a second."""
    return _Net(_models()).find


def _models() -> Path:
    spec = importlib.util.find_spec("natasha")
    if spec is None or spec.origin is None:
        raise RuntimeError("the models' package is not installed: run make setup")
    return Path(spec.origin).parent / "data"


class _Vectors:
    """Navec's quantized vectors (its PQ.from_file): codes [100, 256, 3] in memory, and in the file, which of them make a word's vector.

    The latter are 25 MB of which a word needs 100 bytes, so they are read word by word, from the cache that all processes share.
    """

    def __init__(self, path: Path) -> None:
        with tarfile.open(path, "r:") as tar:
            start = tar.getmember("pq.bin").offset_data
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        count, _, parts, centroids = np.fromfile(path, np.uint32, 4, offset=start).tolist()
        self._start, self._parts = start + 16, parts
        self._codes: Matrix = np.fromfile(path, np.float32, parts * centroids * 3, offset=self._start + count * parts)
        self._codes = self._codes.reshape(parts, centroids, 3)
        self._quantiles = np.arange(parts)
        self.width = parts * 3

    def of(self, ids: Sequence[int]) -> Matrix:
        """Their vectors, [len(ids), width]."""
        parts = self._parts
        rows = b"".join(os.pread(self._file, parts, self._start + one * parts) for one in ids)
        indexes = np.frombuffer(rows, np.uint8).reshape(len(ids), parts)
        return self._codes[self._quantiles, indexes].reshape(len(ids), self.width)


class _Lexicon:
    """Word -> its row, by bisection in the sorted file itself: a dict of its 250,000 words would take 40 MB."""

    def __init__(self, lines: bytes) -> None:
        self._lines = lines
        self._starts = np.concatenate(([0], np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n")) + 1))
        self._unknown = self._starts.searchsorted(lines.index(b"<unk>"))
        self.id_of = lru_cache(maxsize=20_000)(self._find)

    def _find(self, word: str) -> int:
        wanted, low, high = word.encode(errors="replace"), 0, int(self._unknown)
        while low < high:
            middle = (low + high) // 2
            start = self._starts[middle]
            here = self._lines[start : self._starts[middle + 1] - 1]
            if here == wanted:
                return middle
            low, high = (middle + 1, high) if here < wanted else (low, middle)
        return int(self._unknown)


class _Net:
    def __init__(self, data: Path) -> None:
        with Pack(data / MODEL) as pack:
            model = pack.load_model(NER)
            model = model.inject_arrays(dict(pack.load_arrays(model.weights)))
            self._word_id = _Lexicon(gzip.decompress(pack.read(vocab_name(WORD)))).id_of
            self._shape_ids: dict[str, int] = pack.load_vocab(SHAPE).item_ids
            self._tags: list[str] = pack.load_vocab(TAG).items
        self._vectors = _Vectors(data / EMBEDDING)
        self._take_first_layer(model)
        self._layers = [
            (
                np.ascontiguousarray(
                    layer.conv.weight.array.transpose(2, 1, 0).reshape(-1, layer.conv.weight.array.shape[0])
                ),
                layer.conv.bias.array,
            )
            for layer in model.encoder.layers[1:]
        ]
        self._norms = [_scale_and_shift(layer.norm) for layer in model.encoder.layers]
        self._head = model.head.proj.weight.array, model.head.proj.bias.array
        # From each tag into one: [to][from].
        self._into: list[list[float]] = model.head.crf.transitions.array.T.tolist()
        self._outside = self._tags.index("O")
        # A tag whose lead is above this stays whatever its two neighbours are.
        self._sure_lead = 2 * float(np.ptp(model.head.crf.transitions.array))
        self._rows: dict[int, int] = {}
        self._products: Matrix = np.empty((MOST_KEPT_WORDS, 3 * self._width), np.float32)

    def _take_first_layer(self, model: NER) -> None:
        """The first convolution as a matrix for words [300, 3*256] and a ready table for the shapes [66, 3*256]."""
        first = model.encoder.layers[0].conv
        self._width, size, _ = first.weight.array.shape
        weight = first.weight.array.transpose(1, 2, 0).reshape(size, -1)
        self._word_weight: Matrix = np.ascontiguousarray(weight[: self._vectors.width])
        self._shape_products: Matrix = model.emb.shape.weight.array @ weight[self._vectors.width :]
        self._shape_products[:, self._width : 2 * self._width] += first.bias.array

    def find(self, sentences: Sequence[Sentence]) -> list[Span]:
        words = [word for sentence in sentences for word in (*sentence.words, None)]
        if not words:
            return []
        is_gap = np.array([word is None for word in words])
        emissions = self._emissions([word.text if word else "" for word in words], is_gap)
        tags = self._decode(emissions, is_gap)
        spans: list[Span] = []
        kind = ""
        for word, tag in zip(words, tags, strict=True):
            if word is None or tag < 2:  # 0: between sentences, 1: no name
                kind = ""
                continue
            if not word.text[0].isalnum() and kind == "" and word.text not in QUOTES:
                continue  # a bullet before a name
            mark, _, its_kind = self._tags[tag].partition("-")
            if mark == "I" and its_kind == kind:
                spans[-1] = Span(spans[-1].start, word.end, kind)
            else:
                spans.append(Span(word.start, word.end, its_kind))
            kind = its_kind
        return spans

    def _emissions(self, words: list[str], is_gap: NDArray[np.bool_]) -> Matrix:
        parts = self._product_of_words(words).reshape(len(words), 3, self._width)
        parts[is_gap] = 0
        now = parts[:, 1].copy()
        now[1:] += parts[:-1, 0]
        now[:-1] += parts[1:, 2]
        for place, (weight, bias) in enumerate([*self._layers, (None, None)]):
            scale, shift = self._norms[place]
            np.maximum(now, 0, out=now)
            now *= scale
            now += shift
            now[is_gap] = 0
            if weight is not None:
                now = _windows(now) @ weight + bias
        weight, bias = self._head
        emissions: Matrix = now @ weight + bias
        return emissions

    def _product_of_words(self, words: list[str]) -> Matrix:
        ids = [self._word_id(word.lower()) for word in words]
        shapes = [self._shape_ids.get(_shape(word), 0) for word in words]
        new = list(dict.fromkeys(one for one in ids if one not in self._rows))
        if len(self._rows) + len(new) > MOST_KEPT_WORDS:
            self._rows.clear()
            new = list(dict.fromkeys(ids))
        if len(new) > MOST_KEPT_WORDS:
            places = {one: place for place, one in enumerate(new)}
            return self._compute(new)[[places[one] for one in ids]] + self._shape_products[shapes]
        if new:
            first = len(self._rows)
            self._products[first : first + len(new)] = self._compute(new)
            self._rows.update({one: first + place for place, one in enumerate(new)})
        return self._products[[self._rows[one] for one in ids]] + self._shape_products[shapes]

    def _compute(self, ids: list[int]) -> Matrix:
        return self._vectors.of(ids) @ self._word_weight

    def _decode(self, emissions: Matrix, is_gap: NDArray[np.bool_]) -> list[int]:
        """The most likely tags. Between two words that are surely no name, the stretch is solved on its own."""
        others = np.delete(emissions, self._outside, axis=1).max(axis=1)
        sure = is_gap | (emissions[:, self._outside] - others > self._sure_lead)
        tags = np.full(len(emissions), self._outside)
        tags[is_gap] = 0
        doubtful = np.flatnonzero(~sure)
        if not len(doubtful):
            return tags.tolist()
        for stretch in np.split(doubtful, np.flatnonzero(np.diff(doubtful) > 1) + 1):
            start, end = int(stretch[0]), int(stretch[-1]) + 1
            before = self._outside if start and not is_gap[start - 1] else None
            after = self._outside if end < len(emissions) and not is_gap[end] else None
            tags[start:end] = self._solve(emissions[start:end].tolist(), before, after)
        return tags.tolist()

    def _solve(self, emissions: list[list[float]], before: int | None, after: int | None) -> list[int]:
        """Viterbi, over the tags of each word that a neighbour may still lift to the top."""
        into = self._into
        score = [
            (tag, one + (0.0 if before is None else into[tag][before])) for tag, one in self._possible(emissions[0])
        ]
        ways: list[dict[int, int]] = []
        for emission in emissions[1:]:
            best: dict[int, int] = {}
            grown = []
            for to, one in self._possible(emission):
                moves, most = into[to], -math.inf
                for tag, so_far in score:  # a plain loop: max() with a key costs three times as much here
                    value = so_far + moves[tag]
                    if value > most:
                        most, best[to] = value, tag
                grown.append((to, most + one))
            score = grown
            ways.append(best)
        if after is not None:
            score = [(tag, one + into[after][tag]) for tag, one in score]
        path = [max(score, key=lambda pair: pair[1])[0]]
        for way in reversed(ways):
            path.append(way[path[-1]])
        return path[::-1]

    def _possible(self, emission: list[float]) -> list[tuple[int, float]]:
        least = max(emission) - self._sure_lead
        return [(tag, one) for tag, one in enumerate(emission) if one >= least]


def _windows(rows: Matrix) -> Matrix:
    """Each row with the one before and the one after it: [n, width] -> [n, 3*width]."""
    size, width = rows.shape
    wide = np.zeros((size, 3 * width), np.float32)
    wide[1:, :width] = rows[:-1]
    wide[:, width : 2 * width] = rows
    wide[:-1, 2 * width :] = rows[1:]
    return wide


def _scale_and_shift(norm: object) -> tuple[Matrix, Matrix]:
    """A batch norm as one multiplication and one addition."""
    scale = norm.weight.array / norm.std.array  # type: ignore[attr-defined]
    return scale, norm.bias.array - norm.mean.array * scale  # type: ignore[attr-defined]


@lru_cache(maxsize=20_000)
def _shape(word: str) -> str:
    return word_shape(word) if word else "<pad>"
