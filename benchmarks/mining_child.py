"""One piece of the mining benchmark in a process of its own; prints its result as JSON.

Started with ``-P`` by ``mining.py``, whose name must not hide the package ``mining``: so this
folder goes to the end of the path. Only the module of the work is imported: what the others need
would be loaded before the clock runs.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

HOMES = {
    "generate": "mining_log",
    **dict.fromkeys(("cold", "again", "kept", "refresh"), "mining_ours"),
    **dict.fromkeys(("pm4py", "polars", "r4pm"), "mining_peers"),
    **dict.fromkeys(("objects_ours", "objects_pm4py"), "mining_objects"),
    **dict.fromkeys(("business_ours", "business_pm4py"), "mining_objects"),
}

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parent))
    work, folder, events = sys.argv[1:]
    run = getattr(import_module(HOMES[work]), work)
    print(json.dumps(run(Path(folder), int(events))))
