"""What the checks know of our programs and of time: settings from the tables in docs/configuration.md, cron expressions."""
import re
from datetime import datetime, timedelta

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
CRON_FIELDS = [(0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, DAYS)]

PROXIES = {"HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy"}  # libcurl's


def settings_of(readme, program):
    """The variables in the documented table of that program, which a unit test compares with its own."""
    table = re.search(rf"<!-- settings of {program} -->(.*?)<!-- end -->", readme, re.S)
    if table is None:
        raise ValueError(f"there is no table of the settings of {program}")
    return set(re.findall(r"^\| `([A-Z0-9_]+)` \|", table[1], re.M))


def is_cron(text):
    """Five fields as Kubernetes takes them: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"""
    fields = text.split(" ")
    return len(fields) == 5 and all(_is_field(field, *limits) for field, limits in zip(fields, CRON_FIELDS))


def daily_minute(text):
    """Of a schedule that names one time of each day: its minute of the day, else None."""
    minute, hour, *days = text.split(" ")
    one = minute.isdigit() and hour.isdigit() and days == ["*", "*", "*"]
    return int(hour) * 60 + int(minute) if one else None


def is_at_a_clock_change(text, zone):
    """Whether that time is skipped or comes twice on some day of these years."""
    minute = daily_minute(text)
    days = [] if minute is None else [datetime(2026, 1, 1) + timedelta(days=day, minutes=minute) for day in range(3653)]
    return any(day.replace(tzinfo=zone).utcoffset() != day.replace(tzinfo=zone, fold=1).utcoffset() for day in days)


def _is_field(text, low, high, names):
    def number(word):
        if word.lower() in names:
            return names.index(word.lower()) + low
        return int(word) if word.isdigit() else -1

    for item in text.split(","):
        match = re.fullmatch(r"(\*|(\w+)(?:-(\w+))?)(?:/([1-9]\d*))?", item)
        if not match:
            return False
        if match[1] == "*":
            continue
        first = number(match[2])
        last = number(match[3]) if match[3] else first
        if not low <= first <= last <= high:
            return False
    return True
