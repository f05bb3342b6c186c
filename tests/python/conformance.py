"""Has a property-based tester (schemathesis) compare a server's answers with the server's own description of them.

    conformance.py BASE TOKEN EXAMPLES SEED DIRECTORY"""

import pathlib
import subprocess
import sys

base, token, examples, seed, directory = sys.argv[1:]
program = pathlib.Path(sys.executable).parent / "schemathesis"
command = [
    program, "run", base + "/v1/openapi.json", "--url", base,
    "--header", "Authorization: Bearer " + token,
    "--checks", "all", "--max-examples", examples, "--seed", seed,
    "--phases", "examples,coverage,fuzzing,stateful", "--request-timeout", "30", "--no-color",
]
sys.exit(subprocess.run(command, cwd=directory, timeout=1500).returncode)
