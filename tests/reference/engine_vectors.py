"""The content of tests/vectors/engine.json."""
import json

import engine_random
import scenarios_clock
import scenarios_energy
import scenarios_explain
import scenarios_mail
import scenarios_parts
import scenarios_supply
import tariff_model
from parameter_vectors import PUBLISHED

MODULES = scenarios_energy, scenarios_supply, scenarios_parts, scenarios_mail, scenarios_clock, scenarios_explain, engine_random


def scenarios():
    tariff_model.check(PUBLISHED, scenarios_energy.DOUBLE)
    return [s.result() for module in MODULES for family in module.SCENARIOS for s in family()]


def text(document):
    """One step a line."""
    lines = lambda items: ",\n".join(json.dumps(item) for item in items)
    out = [json.dumps({k: v for k, v in s.items() if k != "steps"})[:-1] + ', "steps": [\n' + lines(s["steps"]) + "\n]}"
           for s in document["scenarios"]]
    head = {k: v for k, v in document.items() if k != "scenarios"}
    return json.dumps(head, indent=1)[:-2] + ',\n "scenarios": [\n' + ",\n".join(out) + "\n]}\n"
