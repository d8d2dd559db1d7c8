"""`detector scan` from a checkout: python scripts/detect.py downloads/ --out report/ (no install)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from detector.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "scan")
    main()
