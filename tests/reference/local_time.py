"""Local time of the meter (docs/meter.md, sections 3 and 7.2): days, months and friendly times."""
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date

EPOCH = date(2020, 1, 1)
YEARS = range(2017, 2158)               # a change can come a year late; card time ends in February 2156
LAST = 2**32 - 1


@dataclass(frozen=True)
class Calendar:
    """What section 7.2 says; beginning and end are (month, week, weekday, minute)."""
    offset: int = 120
    summer: int = 60
    begins: tuple = (4, 5, 5, 0)
    ends: tuple = (10, 5, 4, 1440)
    friendly_from: int = 1020
    friendly_until: int = 600
    rest_days: int = 0x20
    holidays: tuple = ()                # (first day, number of days)


CAIRO = Calendar()


def weekday(day):
    """0 Sunday to 6 Saturday; 2020-01-01 was a Wednesday."""
    return (day + 3) % 7


def day_of(year, month, week, wanted):
    """The day number of the first to fourth, or (5) the last such weekday."""
    first = (date(year, month, 1) - EPOCH).days
    end = (date(year + month // 12, month % 12 + 1, 1) - EPOCH).days
    days = [d for d in range(first, end) if weekday(d) == wanted]
    return days[-1] if week == 5 else days[week - 1]


CHANGES = {}


def changes(calendar):
    """(instant, summer from then on) of all years, in order. Summer begins in standard time and ends in summer time."""
    if calendar not in CHANGES:
        out = []
        for year in YEARS if calendar.summer else ():
            for rule, summer in ((calendar.begins, True), (calendar.ends, False)):
                before = calendar.offset + (0 if summer else calendar.summer)
                out.append(((day_of(year, *rule[:3]) * 1440 + rule[3] - before) * 60, summer))
        CHANGES[calendar] = sorted(out)
    return CHANGES[calendar]


def is_summer(calendar, time):
    past = bisect_right(changes(calendar), (time, True))
    return past > 0 and changes(calendar)[past - 1][1]


def utc_offset(calendar, time):
    """In minutes."""
    return calendar.offset + (calendar.summer if is_summer(calendar, time) else 0)


def local(calendar, time):
    """(day, minute of the day)."""
    minutes = max(0, time + utc_offset(calendar, time) * 60) // 60
    return minutes // 1440, minutes % 1440


def date_of(day):
    return date.fromordinal(EPOCH.toordinal() + day)


def first_day(month):
    return (date(2020 + month // 12, month % 12 + 1, 1) - EPOCH).days


def month_begin(calendar, month):
    """The first instant whose local date is in it; None where card time ends before. Month 0 begins at 0."""
    midnight = first_day(month) * 86400
    earliest, latest = midnight - (calendar.offset + calendar.summer) * 60, midnight - calendar.offset * 60
    candidates = [earliest, latest] + [t for t, _ in changes(calendar) if earliest < t < latest]
    begin = max(0, min(t for t in candidates if t + utc_offset(calendar, t) * 60 >= midnight)) if month else 0
    return begin if begin <= LAST else None


def month_of(calendar, time):
    """The last month that has begun: never falls with time."""
    month = max(0, (time // 86400 - 1) // 31 - 1)
    while (begin := month_begin(calendar, month + 1)) is not None and begin <= time:
        month += 1
    return month


def within(since, until, minute):
    """From one minute of the day until another, not included: across midnight where it is lower; never where they are equal."""
    return minute >= since and minute < until if since < until else since != until and (minute >= since or minute < until)


def friendly(calendar, time):
    day, minute = local(calendar, time)
    evening = within(calendar.friendly_from, calendar.friendly_until, minute)
    rest = bool(calendar.rest_days >> weekday(day) & 1)
    return evening or rest or any(first <= day < first + days for first, days in calendar.holidays)
