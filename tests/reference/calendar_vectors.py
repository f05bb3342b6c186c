"""The content of tests/vectors/calendar.json: local time, months and friendly times in several zones."""
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from issuer import hx
from local_time import CAIRO, LAST, Calendar, changes, date_of, friendly, local, month_begin, month_of, utc_offset, weekday
from parameters import encode_calendar

ZERO = datetime(2020, 1, 1, tzinfo=timezone.utc)
NONE = (0, 0, 0, 0)


def at(year, month=1, day=1, hour=0, minute=0, second=0):
    """Card time of an instant in UTC."""
    return int((datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc) - ZERO).total_seconds())


ZONES = {
    "Cairo": CAIRO,
    "Cairo with holidays": Calendar(holidays=((1826, 1), (1947, 3), (1949, 4), (2100, 255), (65535, 1)), rest_days=0x60),
    "UTC, no summer, never friendly": Calendar(0, 0, NONE, NONE, 0, 0, 0),
    "no summer, always a rest day": Calendar(120, 0, NONE, NONE, 0, 1439, 0x7F),
    "Berlin": Calendar(60, 60, (3, 5, 0, 120), (10, 5, 0, 180), 1320, 360, 0x41),
    "New York": Calendar(-300, 60, (3, 2, 0, 120), (11, 1, 0, 120), 480, 1020, 0x01),
    "Sydney: summer spans the new year": Calendar(600, 60, (10, 1, 0, 120), (4, 1, 0, 180), 1080, 420, 0x41),
    "Lord Howe: half an hour": Calendar(630, 30, (10, 1, 0, 120), (4, 1, 0, 120), 1439, 0, 0),
    "Kathmandu": Calendar(345, 0, NONE, NONE, 1, 0, 0x40),
    "two hours of summer, furthest west": Calendar(-1440, 120, (1, 1, 3, 0), (12, 5, 6, 10080), 600, 601, 0x02),
    "furthest east, summer ends on the first of a month": Calendar(1440, 120, (2, 5, 0, 1440), (9, 1, 0, 30), 0, 1, 0x04),
    "summer ends within the first hour of a month": Calendar(120, 60, (3, 5, 1, 0), (9, 5, 1, 1470), 1020, 600, 0x20),
    "summer begins at the end of a month": Calendar(-60, 60, (5, 5, 6, 1440), (8, 5, 2, 1440), 1020, 600, 0x20),
    "summer begins in the last minutes of a month": Calendar(0, 120, (6, 5, 3, 1410), (11, 4, 3, 10080), 1200, 300, 0x10),
    "a change a week later, in the next year": Calendar(180, 45, (12, 5, 4, 10080), (6, 3, 1, 1), 700, 650, 0x08),
}
SELECTED = (2020, 2021, 2024, 2025, 2026, 2029, 2030, 2048, 2099, 2100, 2155)


def check_cairo():
    """Against the time zone database, from 2024 to 2037: every quarter of an hour around changes and months, every third hour otherwise."""
    zone = ZoneInfo("Africa/Cairo")
    near = {t for t, _ in changes(CAIRO)} | {month_begin(CAIRO, m) for m in range(48, 216)}
    instants = {t + d for t in near for d in (-1, *range(-7200, 7201, 900), 1)} | set(range(at(2024), at(2038), 10800))
    month = -1
    for time in sorted(t for t in instants if at(2024) <= t < at(2038)):
        there = (ZERO + timedelta(seconds=time)).astimezone(zone)
        day, minute = local(CAIRO, time)
        assert (date_of(day), minute) == (there.date(), there.hour * 60 + there.minute), there
        assert weekday(day) == there.isoweekday() % 7 and utc_offset(CAIRO, time) * 60 == there.utcoffset().total_seconds()
        assert month_of(CAIRO, time) == (there.year - 2020) * 12 + there.month - 1 >= month, there
        month = month_of(CAIRO, time)


def instants(calendar):
    """Around each change and each begin of a month of some years, around friendly times, and the ends of card time."""
    years = {y for y in SELECTED}
    out = {0, 1, 86399, 86400, LAST - 1, LAST}
    for t, _ in changes(calendar):
        if 0 < t <= LAST and (ZERO + timedelta(seconds=t)).year in years:
            out |= {t - 7200, t - 1, t, t + 1, t + 3599, t + 3600}
    for year in (2020, 2024, 2025):
        for month in range(12):
            if begin := month_begin(calendar, (year - 2020) * 12 + month):
                out |= {begin - 1, begin, begin + 3600}
    for day in range(at(2025, 6, 2), at(2025, 6, 9), 86400):
        for edge in (calendar.friendly_from, calendar.friendly_until, 0, 720):
            t = day + edge * 60 - utc_offset(calendar, day) * 60
            out |= {t - 1, t}
    for first, days in calendar.holidays:
        for day in (first, first + days):
            t = day * 86400 + 43200 - calendar.offset * 60
            out |= {t, t - 86400}
    return sorted(t for t in out if 0 <= t <= LAST)


def zone(name, calendar):
    months = sorted({*range(0, 24), *range(57, 85), *range(126, 134), *range(960, 966), *range(1630, 1634)})
    begins = {m: month_begin(calendar, m) for m in months}
    assert all(begins[m] < begins[m + 1] for m in months if m + 1 in months and begins[m + 1] is not None)
    listed = []
    for time in instants(calendar):
        day, minute = local(calendar, time)
        month = month_of(calendar, time)
        assert month_begin(calendar, month) <= time and (month_begin(calendar, month + 1) or LAST + 1) > time
        listed.append({"time": time, "utc_offset": utc_offset(calendar, time), "day": day, "minute": minute, "weekday": weekday(day),
                       "month": month, "friendly": friendly(calendar, time)})
    return {"name": name, "plaintext": hx(encode_calendar(calendar)),
            "month_begins": [{"month": m, "time": t} for m, t in begins.items()], "instants": listed}


def zones():
    check_cairo()
    return [zone(name, calendar) for name, calendar in ZONES.items()]
