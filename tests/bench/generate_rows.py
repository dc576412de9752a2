#!/usr/bin/env python3
"""generate_rows.py TABLE BYTES: rows of one table of the bench database as COPY text, the same every time.

Words come from a vocabulary of 50,000 with Zipf frequencies, so that the dump packs like text, not like zeros.
"""
import array
import random
import sys

VOCABULARY = 50_000
SLOTS = 1 << 20  # word i fills about SLOTS / (harmonic number * i) of them
CONSONANTS = "b c d f g h j k l m n p r s t v w z st tr ch sh br pl".split()
VOWELS = "a e i o u ai ea ou".split()
SYSTEMS = ("X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10.15")
AGENTS = [f"Mozilla/5.0 ({system}; rv:{n}.0) Gecko/20100101 Firefox/{n}.0"
          for system in SYSTEMS for n in range(80, 130)]
KINDS = ("view click add_to_cart remove checkout login logout search error refund share export import api_call "
         "webhook timeout").split()
CURRENCIES = "EUR USD GBP CHF".split()
STATES = "new paid packed shipped returned".split()


def make_slots():
    source = random.Random(4711)
    vocabulary = {}
    while len(vocabulary) < VOCABULARY:
        rank = len(vocabulary)
        syllables = 1 if rank < 100 else 2 if rank < 3000 else source.choice((2, 3, 3, 4))
        word = "".join(source.choice(CONSONANTS) + source.choice(VOWELS) for _ in range(syllables))
        vocabulary[word + source.choice(("", "n", "s", "r", "t"))] = True
    harmonic = sum(1 / (i + 1) for i in range(VOCABULARY))
    slots = []
    for i, word in enumerate(vocabulary):
        slots += [word] * max(1, round(SLOTS / harmonic / (i + 1)))
    return (slots + list(vocabulary) * (SLOTS // VOCABULARY + 1))[:SLOTS]


class Rows:
    def __init__(self, table):
        self.random = random.Random(f"{table}/1")
        self.slots = make_slots()
        self.pool, self.used = [], 0
        self.second = 0.0

    def words(self, count):
        if self.used + count > len(self.pool):
            numbers = array.array("I", self.random.randbytes(4 << 18))
            self.pool, self.used = [self.slots[n >> 12] for n in numbers], 0
        self.used += count
        return " ".join(self.pool[self.used - count:self.used])

    def number(self, low, high):
        return low + int(self.random.random() * (high - low))

    def small(self, limit):
        """Below `limit`, the smaller the likelier."""
        return int(self.random.random() ** 2 * limit)

    def uuid(self):
        h = self.random.randbytes(16).hex()
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    def time(self, step):
        """Rising times with microseconds, `step` seconds apart, in 2026."""
        self.second = (self.second + self.random.random() * 2 * step) % 31_500_000
        day, rest = divmod(self.second, 86400)
        month, s, us = min(int(day // 30.5) + 1, 12), int(rest), int(rest % 1 * 1e6)
        return f"2026-{month:02}-{int(day % 30.5) % 28 + 1:02} {s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.{us:06}+00"

    def events(self, i):
        n, words, rand = self.number, self.words, self.random.random
        payload = (f'{{"ref": "{words(1)}", "items": {n(1, 30)}, "total": {rand() * 500:.4f}, '
                   f'"flags": [{n(0, 9)}, {n(0, 99)}], "note": "{words(n(1, 12))}"}}')
        return (i, self.time(2), n(1, 90000), self.uuid(), KINDS[self.small(16)],
                f"10.{n(0, 9)}.{n(0, 256)}.{n(0, 256)}", f"/{words(1)}/{words(1)}/{n(1, 99999)}?q={words(1)}",
                AGENTS[self.small(150)], f"{rand() ** 3 * 10000:.2f}", words(n(4, 60)), payload)

    def articles(self, i):
        n, words = self.number, self.words
        return (i, words(n(4, 12)), n(1, 90000), self.time(400), f"{{{words(n(2, 6)).replace(' ', ',')}}}",
                words(n(100, 1500)))

    def documents(self, _):
        n, words, rand = self.number, self.words, self.random.random
        lines = ", ".join(f'{{"sku": "{self.random.randbytes(5).hex()}", "qty": {n(1, 20)}, '
                          f'"price": {rand() * 300:.2f}, "text": "{words(n(2, 10))}"}}' for _ in range(n(2, 25)))
        document = (f'{{"type": "{KINDS[n(0, 16)]}", "owner": {{"id": {n(1, 90000)}, "name": "{words(2)}", '
                    f'"mail": "{words(1)}@{words(1)}.example"}}, "lines": [{lines}], "remarks": "{words(n(5, 90))}"}}')
        return self.uuid(), self.time(300), n(1, 9), document

    def orders(self, i):
        n, words, rand = self.number, self.words, self.random.random
        return (i, self.time(24), n(1, 90000), f"{rand() * 2000:.2f}", f"{rand() * 200:.4f}",
                CURRENCIES[self.small(4)], STATES[n(0, 5)],
                f"{words(2)} {n(1, 200)}, {n(10000, 99999)} {words(1)}", self.uuid(), words(n(0, 8)))

    def blobs(self, i):
        data = self.random.randbytes(int(2000 + self.random.random() ** 3 * 200000)).hex()
        return i, self.words(2).replace(" ", "_") + ".bin", self.number(1, 99), "\\\\x" + data

    def users(self, i):
        return (i, self.words(2), f"{self.words(1)}{i}@{self.words(1)}.example", self.random.randbytes(30).hex(),
                self.time(30), self.words(self.number(3, 20)), "t" if self.random.random() < .9 else "f")

    def small_table(self, i):
        return i, f"{self.words(1)}_{i}", self.words(self.number(2, 12)), f"{self.random.random() * 100:.3f}"


def main(table, wanted):
    rows = Rows(table)
    make = rows.small_table if table == "small" else getattr(rows, table)
    done = i = 0
    while done < wanted:
        i += 1
        line = "\t".join(map(str, make(i))) + "\n"
        done += len(line)
        sys.stdout.write(line)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
