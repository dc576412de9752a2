#!/usr/bin/python3
"""compare.py CRON_TIMES: random cron expressions, the next times of each compared with independent
implementations: croniter, and robfig/cron where Go and its package are installed (Debian: golang-go,
golang-github-robfig-cron-dev). In UTC, and in zones whose clocks change, by an hour and by half of one, mostly close
to a change: there croniter tells the times on the clock, zoneinfo when a clock shows them, and docs/backup.md
what holds for those that it skips or shows twice. robfig, which is what Kubernetes uses, holds other things there.
The last line counts."""
import calendar
import os
import random
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter

COUNT = 4  # times of each expression
ZONES = ["Europe/Berlin", "Australia/Lord_Howe"]
HERE = os.path.dirname(os.path.abspath(__file__))
FIELDS = {"second": (0, 59), "minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
MONTHS = [name.lower() for name in calendar.month_abbr if name]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
MACROS = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"]


def value(rng, field, low=None):
    least, most = FIELDS[field]
    return rng.randint(least if low is None else low, most)


def shown(rng, field, number):
    if field == "month" and rng.random() < 0.3:
        return rng.choice([str.upper, str.lower, str.title])(MONTHS[number - 1])
    if field == "weekday" and number < 7 and rng.random() < 0.3:
        return rng.choice([str.upper, str.lower, str.title])(WEEKDAYS[number])
    return str(number)


def item(rng, field):
    least, most = FIELDS[field]
    kind = rng.random()
    if kind < 0.25:
        return "*/%d" % rng.randint(1, most - least)
    if kind < 0.65:
        return shown(rng, field, value(rng, field))
    first = value(rng, field)
    last = value(rng, field, first)
    text = shown(rng, field, first) + "-" + shown(rng, field, last)
    return text if kind < 0.85 else "%s/%d" % (text, rng.randint(1, max(1, last - first)))


def field_text(rng, field, stars):
    if rng.random() < stars:
        return "*"
    return ",".join(item(rng, field) for _ in range(rng.choice([1, 1, 1, 2, 3])))


def expression(rng):
    if rng.random() < 0.02:
        return rng.choice(MACROS)
    words = [field_text(rng, "minute", 0.2), field_text(rng, "hour", 0.3), field_text(rng, "day", 0.5),
             field_text(rng, "month", 0.6), field_text(rng, "weekday", 0.5)]
    if rng.random() < 0.3:
        words.insert(0, field_text(rng, "second", 0.2))
    return " ".join(words)


def start(rng):
    day = datetime(2024, 1, 1, tzinfo=timezone.utc).timestamp()
    return int(day) + rng.randrange(6 * 365 * 86400)


def number(word, field):
    names = {"month": MONTHS, "weekday": WEEKDAYS}.get(field, [])
    return names.index(word.lower()) + FIELDS[field][0] if word.lower() in names else int(word)


def is_whole(word, field):
    """Names every day, though not as `*`."""
    days = set()
    for part in word.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first == "*":
            first, last = FIELDS[field]
        days.update(range(number(str(first), field), number(str(last or first), field) + 1, int(step or 1)))
    return len({day % 7 for day in days} if field == "weekday" else days) == (7 if field == "weekday" else 31)


def day_words(text):
    words = text.split()
    return (("day", words[-3]), ("weekday", words[-1])) if len(words) > 4 else ()


def joins_days_otherwise(text, *_):
    """crontab(5): a date must match day and weekday as soon as one of these fields begins with `*`, else one is
    enough. The others ask whether the field is `*` as a whole, has one somewhere, or names every day."""
    return any(word != "*" and ("*" in word or is_whole(word, field)) for field, word in day_words(text))


def has_sunday_as_7(text, *_):
    """croniter 1.3.5 loses a 7 within lists and ranges; robfig has none."""
    return any(field == "weekday" and "7" in word for field, word in day_words(text))


def times_on_the_clock(text, begin):
    words = text.split()
    if len(words) == 6:  # seconds stand last there
        words = words[1:] + words[:1]
    times = croniter(" ".join(words), datetime.fromtimestamp(begin, timezone.utc), max_years_between_matches=9)
    while True:
        yield int(times.get_next(float))


def by_croniter(text, begin):
    try:
        times = times_on_the_clock(text, begin)
        return [next(times) for _ in range(COUNT)]
    except Exception as error:  # its own types, and some of Python's
        return "error: %s" % error


def shown_by(zone, instant):
    """What the clock shows then, as if it were UTC."""
    return instant + int(datetime.fromtimestamp(instant, zone).utcoffset().total_seconds())


def change_after(zone, instant, until):
    """The first instant up to `until` whose offset is not that of `instant`; they are known to differ."""
    offset = shown_by(zone, instant) - instant
    while until - instant > 1:
        middle = (instant + until) // 2
        if shown_by(zone, middle) - middle == offset:
            instant = middle
        else:
            until = middle
    return until


def instants_of(zone, shown, by_the_hour):
    """When the clock shows that time and it counts: for hours as `*` each time, else the first, or the end of a gap."""
    clock = datetime.fromtimestamp(shown, timezone.utc).replace(tzinfo=zone)
    both = {shown - int(clock.replace(fold=fold).utcoffset().total_seconds()) for fold in (0, 1)}
    found = sorted(instant for instant in both if shown_by(zone, instant) == shown)
    if by_the_hour:
        return found
    return found[:1] or [change_after(zone, min(both), max(both))]


def by_clock(text, begin, zone):
    """In a zone: the times after `begin` in any order of the clock, the first COUNT of them."""
    words = text.split()
    by_the_hour = text == "@hourly" or len(words) > 4 and words[-4].startswith("*")
    hour = 3600  # no clock goes back by more
    times, last = set(), None
    try:
        for shown in times_on_the_clock(text, shown_by(zone, begin) - hour - 1):
            if last is not None and shown > last + 2 * hour:
                break
            times.update(instant for instant in instants_of(zone, shown, by_the_hour) if instant > begin)
            if len(times) >= COUNT and last is None:
                last = shown
        return sorted(times)[:COUNT]
    except Exception as error:
        return "error: %s" % error


def start_near_a_change(rng, zone):
    begin = start(rng)
    changes = [day for day in range(begin, begin + 366 * 86400, 86400)
               if shown_by(zone, day) - day != shown_by(zone, day + 86400) - day - 86400]
    day = rng.choice(changes)
    return change_after(zone, day, day + 86400) - rng.randrange(-2 * 3600, 30 * 3600)


def night_expression(rng):
    """Minutes, and mostly an hour in which clocks change."""
    words = [field_text(rng, "minute", 0.1), field_text(rng, "hour", 0.2), "*", "*", "*"]
    if rng.random() < 0.7:
        words[1] = rng.choice(["1", "2", "3", "1-3", "2,14", "*/2", "0-23/2"])
    return " ".join(words)


def by_program(command, cases):
    lines = "".join("%s|%d|%d\n" % (text, begin, COUNT) for text, begin in cases)
    output = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=120).stdout
    never = "-62135596800"  # what robfig says of 31 February
    return ["error" if line == "error" or never in line else [int(word) for word in line.split()]
            for line in output.splitlines()]


def build_robfig(folder):
    source = "/usr/share/gocode/src/github.com/robfig/cron"
    if not os.path.isdir(source):
        return None
    program = os.path.join(folder, "robfig")
    environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOCACHE=os.path.join(folder, "cache"))
    try:
        subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "robfig.go")], env=environment, check=True)
    except FileNotFoundError:
        return None
    return program


def compare(name, cases, ours, theirs, apart, least=1500):
    """`apart`: what is known to differ, by its reason; `least`: so many must agree."""
    passed = failed = refused = 0
    left_out = dict.fromkeys(apart, 0)
    for (text, begin), mine, other in zip(cases, ours, theirs):
        reason = next((reason for reason, is_apart in apart.items() if is_apart(text, begin, mine)), None)
        if reason:
            left_out[reason] += 1
        elif isinstance(other, str):
            refused += 1
        elif mine == other:
            passed += 1
        else:
            failed += 1
            print("%s: '%s' after %d: %s, ours %s" % (name, text, begin, other, mine))
    apart_text = "".join("; %d left out: %s" % (count, reason) for reason, count in left_out.items())
    print("note: %s: %d expressions agree, %d do not; %d it does not take%s" % (name, passed, failed, refused, apart_text))
    if passed < least:
        print("too few to say anything")
        failed += 1
    return failed


APART = {"days joined otherwise": joins_days_otherwise, "a 7 for Sunday": has_sunday_as_7}


def compare_in_utc(rng, program, robfig):
    cases = [(expression(rng), start(rng)) for _ in range(4000)]
    ours = by_program([program, "UTC"], cases)
    failed = compare("croniter", cases, ours, [by_croniter(*case) for case in cases], APART)
    if robfig:
        failed += compare("robfig", cases, ours, by_program([robfig, "UTC"], cases), APART)
    return failed


def compare_in_zone(rng, program, robfig, name):
    zone = ZoneInfo(name)
    cases = [(night_expression(rng), start_near_a_change(rng, zone)) for _ in range(1000)]
    ours = by_program([program, name], cases)
    theirs = [by_clock(*case, zone) for case in cases]
    failed = compare("croniter and zoneinfo where clocks change in " + name, cases, ours, theirs, APART, 800)

    def sees_a_change(_, begin, times):
        offsets = {shown_by(zone, instant) - instant for instant in range(begin - 4000, times[-1] + 4000, 7 * 86400)}
        return len(offsets | {shown_by(zone, times[-1] + 4000) - times[-1] - 4000}) > 1

    if robfig:
        cases = [(expression(rng), start(rng)) for _ in range(1000)]
        ours = by_program([program, name], cases)
        apart = dict(APART, **{"a change of clocks": sees_a_change})
        failed += compare("robfig in " + name, cases, ours, by_program([robfig, name], cases), apart, 300)
    return failed


def main():
    rng = random.Random(int(os.environ.get("SEED", "20261126")))
    with tempfile.TemporaryDirectory() as folder:
        robfig = build_robfig(folder)
        failed = compare_in_utc(rng, sys.argv[1], robfig)
        for name in ZONES:
            failed += compare_in_zone(rng, sys.argv[1], robfig, name)
        if not robfig:
            print("note: robfig: not compared, Go or its package is missing")
    sys.exit(1 if failed else 0)


main()
