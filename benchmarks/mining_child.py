"""One piece of the mining benchmark in a process of its own; prints its result as JSON.

Started with ``-P`` by ``mining.py``, whose name must not hide the package ``mining``: so this
folder goes to the end of the path.
"""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))

from mining_log import generate
from mining_ours import OURS
from mining_peers import PEERS

if __name__ == "__main__":
    work, folder, events = sys.argv[1:]
    print(json.dumps({"generate": generate, **OURS, **PEERS}[work](Path(folder), int(events))))
