# SPDX-License-Identifier: Apache-2.0
"""Contracts as protoc compiles them."""

import pathlib
import subprocess

from .expectations import expect
from .servers import ROOT


def compile_contract(out, *sources, folder=None, more=()):
    """The descriptor set of these .proto files with their comments: `out`, which is returned. Their imports
    are looked for in `folder`, else beside the first, and among our own. `more`: options of protoc."""
    folders = (folder or pathlib.Path(sources[0]).parent, ROOT / "proto", ROOT / "tests" / "proto")
    done = subprocess.run(["protoc", *(f"-I{one}" for one in folders), "--include_imports",
                           "--include_source_info", f"--descriptor_set_out={out}", *more,
                           *map(str, sources)], stderr=subprocess.PIPE)
    expect(done.returncode == 0, "protoc:", done.stderr.decode())  # else it only warns of unused imports
    return out
