"""What the display shows (docs/meter.md, section 14)."""
import forecast
import tariff_model as tariffs
from local_time import LAST, friendly, local, month_begin
from reference import saturating

DAY = 86400


class Display:
    def bracket(self):
        return forecast.bracket(self.history, self.tariff, self.total)

    def restart_near(self):
        bracket = self.bracket()
        return bool(self.binding and bracket and bracket[1] > 0 and 0 < self.limits["restart_notice"] >= bracket[0])

    def tell_of_restart(self):
        if self.restart_near():
            energy, crossing, _ = self.bracket()
            if self.total + energy > self.restart_told:
                self.restart_told = self.total + energy
                self.event(0x0310, (saturating(crossing, 32), 4), (min(65535, energy), 2))

    def recent_rate(self):
        """(energy, seconds)"""
        day, minute = local(self.calendar, self.time)
        minutes = len(self.profile) * 1440 + (minute if day == self.day else 0) - self.begun
        energy = sum(self.profile) + self.today
        return (energy, minutes * 60) if minutes >= 60 and energy else None

    def bill(self, tariff, history, total, partial, month):
        return tariffs.fees(tariff, total, tariffs.charge(history, tariff, total, total), partial, month)

    def instalments(self, month, taken):
        """Of the month that begins; `taken` goes on."""
        amount = 0
        for debt in self.debts:
            if month >= debt["first_month"] and taken[debt["id"]] < debt["number"]:
                taken[debt["id"]] += 1
                amount += debt["last_instalment" if taken[debt["id"]] == debt["number"] else "instalment"]
        return amount

    def foretell(self):
        """(what the credit buys, days remaining), None where it is not shown"""
        if self.balance <= 0:
            return 0, 0 if self.recent_rate() else None
        shown = lambda energy: energy if energy < forecast.FULL - self.total else None
        bought, rate = forecast.buys(self.history, self.tariff, self.total, self.balance), self.recent_rate()
        if not rate:
            return shown(bought), None
        taken = {debt["id"]: debt["taken"] for debt in self.debts}
        history, tariff, total, partial, balance = self.history, self.tariff, self.total, self.partial, self.balance
        month, now, seconds, first = self.month, self.time, 0, bought
        for ends in range(25):
            energy = forecast.buys(history, tariff, total, balance)
            end = month_begin(self.calendar, month + 1)
            used = rate[0] * ((LAST if end is None else end) - now) // rate[1]
            if energy <= used or end is None or ends == 24:
                seconds += 0 if ends == 24 else energy * rate[1] // rate[0]
                break
            seconds += end - now
            due = self.bill(tariff, history, total + used, partial, month) + self.instalments(month + 1, taken)
            if ends == 0 and due > 0:
                first = max(forecast.buys(history, tariff, total, balance - due) if balance > due else 0, used)
            at = total + used
            balance -= tariffs.charge(history, tariff, at, at) - tariffs.charge(history, tariff, total, total) + due
            if balance <= 0:
                break
            month, now, history, total, partial = month + 1, end, [], 0, False
            tariff = self.waiting if self.waiting and self.waiting["start"] <= end else tariff
        return shown(first), max(1, seconds // DAY)

    def buzzer(self):
        minute = local(self.calendar, self.time)[1]
        if not self.binding or self.reasons() or not 420 <= minute < 1320:
            return 0
        if self.balance > 0:
            return 1 if self.balance < self.limits["second_threshold"] and minute % 60 == 0 else 0
        soon = min(LAST, self.time + 900)
        return 0 if friendly(self.calendar, soon) or self.loan_runs(soon) else 2

    def display(self):
        slab = tariffs.slab_reached(self.tariff, self.total)
        energy, days = self.foretell()
        bracket = self.bracket()
        return {"credit_energy": energy, "slab": slab + 1, "price": self.tariff["slabs"][slab]["price"], "days": days,
                "bracket": dict(zip(("energy", "crossing", "price"), bracket)) if bracket else None, "restart_near": self.restart_near(),
                "power_limit": self.power_limit(), "loan_offered": self.loan_can_be_had(),
                "news": sorted(self.news[0]) if self.time - self.news[1] < DAY else [], "buzzer": self.buzzer(),
                "notices": [n for n in self.notices if n["until"] == 0 or self.time < n["until"]]}
