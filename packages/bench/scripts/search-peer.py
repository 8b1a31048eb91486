"""Measures tantivy or bm25s as children/search-worker.ts measures the others: what is built in a process of its own,
reopened in this one, and asked. Its only argument are its orders as JSON; samples go to descriptor 4."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

FIRST_QUERIES = 20
LIMIT = 10
# A word that no passage has: its answer tells that the index is open.
ABSENT_WORD = "qzxvkwj"


def read_lines(path, count):
    lines = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line:
                lines.append(line)
            if len(lines) >= count:
                break
    return lines


class Tantivy:
    """English stemmer, frequencies without positions, one thread, terms OR-ed."""

    def __init__(self):
        import tantivy

        self.tantivy = tantivy

    def build(self, folder, passages):
        schema = self.tantivy.SchemaBuilder()
        schema.add_text_field("text", stored=False, tokenizer_name="en_stem", index_option="freq")
        schema.add_unsigned_field("number", stored=True, fast=True)
        index = self.tantivy.Index(schema.build(), path=folder)
        writer = index.writer(heap_size=256_000_000, num_threads=1)
        for number, text in enumerate(passages):
            document = self.tantivy.Document()
            document.add_text("text", text)
            document.add_unsigned("number", number)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()

    def open(self, folder):
        index = self.tantivy.Index.open(folder)
        searcher = index.searcher()

        def search(query):
            words = " ".join(re.findall(r"[^\W_]+", query.lower()))
            if not words:
                return 0
            return len(searcher.search(index.parse_query(words, ["text"]), LIMIT, count=False).hits)

        return search


class Bm25s:
    """Lucene's BM25, Snowball's English stemmer, its own stop words."""

    def __init__(self):
        import bm25s
        import Stemmer

        self.bm25s = bm25s
        self.stemmer = Stemmer.Stemmer("english")

    def tokens(self, texts):
        return self.bm25s.tokenize(texts, stopwords="en", stemmer=self.stemmer, show_progress=False)

    def build(self, folder, passages):
        index = self.bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        index.index(self.tokens(passages), show_progress=False)
        index.save(folder)

    def open(self, folder):
        index = self.bm25s.BM25.load(folder, mmap=False)
        vocabulary = index.vocab_dict

        def search(query):
            words = self.bm25s.tokenize(
                [query], stopwords="en", stemmer=self.stemmer, show_progress=False, return_ids=False
            )[0]
            words = [word for word in words if word in vocabulary]
            if not words:
                return 0
            _, scores = index.retrieve([words], k=min(LIMIT, index.scores["num_docs"]), show_progress=False, n_threads=0)
            return int((scores[0] > 0).sum())

        return search


PEERS = {"tantivy": Tantivy, "bm25s": Bm25s}


def memory():
    """Anonymous and resident memory of this process in MiB; None where the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
        return {name: int(fields[name].split()[0]) / 1024 for name in ("RssAnon", "VmRSS")}
    except OSError:
        return {"RssAnon": None, "VmRSS": None}


def added(before, after, field):
    return None if before[field] is None else after[field] - before[field]


def quantile(values, share):
    values = sorted(values)
    position = (len(values) - 1) * share
    below = int(position)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (position - below)


def bytes_in(folder):
    return sum(
        os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names
    )


def build(orders, folder):
    peer = PEERS[orders["peer"]]()
    passages = read_lines(orders["passages"], orders["count"])
    if len(passages) < orders["count"]:
        raise SystemExit(f"Expected {orders['count']} passages, got {len(passages)}.")
    before = time.process_time()
    peer.build(folder, passages)
    print(json.dumps({"cpuS": time.process_time() - before}))


def ask(search, queries, ms_max):
    """Asks one query after the other, those after the first ones as long as there is time."""
    cpu_ms = []
    hits = 0
    started_at = time.perf_counter()
    for query in queries:
        started = time.process_time_ns()
        hits += search(query)
        cpu_ms.append((time.process_time_ns() - started) / 1e6)
        if (time.perf_counter() - started_at) * 1000 > ms_max and len(cpu_ms) > FIRST_QUERIES:
            break
    return hits, cpu_ms


def measure(orders, folder):
    child = subprocess.run(
        [sys.executable, __file__, json.dumps(orders), "build", folder], stdout=subprocess.PIPE, check=True
    )
    built = json.loads(child.stdout.splitlines()[-1])
    peer = PEERS[orders["peer"]]()
    queries = read_lines(orders["queries"], FIRST_QUERIES + orders["queryCount"])

    def report(metric, value):
        line = {"type": "sample", "metric": metric, "value": value, "implementation": orders["peer"]}
        os.write(4, (json.dumps(line) + "\n").encode())

    disk = bytes_in(folder)
    report("buildCpuS", built["cpuS"])
    report("diskMiB", disk / 2**20)
    report("indexBytesPerPassage", disk / orders["count"])
    before = memory()
    opened_at = time.perf_counter()
    search = peer.open(folder)
    search(ABSENT_WORD)
    report("reopenMs", (time.perf_counter() - opened_at) * 1000)
    report("openAnonMiB", added(before, memory(), "RssAnon"))
    hits, cpu_ms = ask(search, queries, orders["searchMsMax"])
    if hits == 0:
        raise SystemExit("No query found anything.")
    after = memory()
    first, later = cpu_ms[:FIRST_QUERIES], cpu_ms[FIRST_QUERIES:]
    report("queriedAnonMiB", added(before, after, "RssAnon"))
    report("queriedRssMiB", added(before, after, "VmRSS"))
    report("firstCpuMsP50", quantile(first, 0.5))
    report("firstCpuMsMax", max(first))
    report("cpuMsP50", quantile(later, 0.5))
    report("cpuMsP99", quantile(later, 0.99))
    # Whoever was too slow for all queries once is not asked them again.
    again = None if len(cpu_ms) < len(queries) else ask(search, queries, orders["searchMsMax"])[1]
    report("againCpuMsP50", None if again is None else quantile(again, 0.5))
    report("againCpuMsP99", None if again is None else quantile(again, 0.99))
    report("queries", len(later))
    report("hitsPerQuery", hits / len(cpu_ms))


if __name__ == "__main__":
    its_orders = json.loads(sys.argv[1])
    if len(sys.argv) > 2:
        build(its_orders, sys.argv[3])
    else:
        with tempfile.TemporaryDirectory(prefix="gemma-search-") as its_folder:
            measure(its_orders, its_folder)
