"""Has a property-based tester (schemathesis) compare a server's answers with the server's own description of them.

    conformance.py BASE TOKEN EXAMPLES SEED POINT CARD

POINT is a vending point of the token's, CARD a card that can be sold to. The exit status is that of the tester."""

import os
import pathlib
import subprocess
import sys
import tempfile

base, token, examples, seed, point, card = sys.argv[1:]
here = pathlib.Path(__file__).parent
program = pathlib.Path(sys.executable).parent / "schemathesis"
command = [
    sys.executable, program, "--config-file", here / "schemathesis.toml", "run", base + "/v1/openapi.json", "--url", base,
    "--header", "Authorization: Bearer " + token,
    "--checks", "all", "--max-examples", examples, "--seed", seed,
    "--phases", "examples,coverage,fuzzing,stateful", "--request-timeout", "600",
]
environment = dict(os.environ, PYTHONPATH=str(here), SCHEMATHESIS_HOOKS="conformance_hooks", NO_COLOR="1",
                   CONFORMANCE_POINT=point, CONFORMANCE_CARD=card, PYTHONDONTWRITEBYTECODE="1")
# It leaves a directory of examples where it runs.
with tempfile.TemporaryDirectory() as directory:
    sys.exit(subprocess.run(command, cwd=directory, env=environment).returncode)
