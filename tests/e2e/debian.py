# SPDX-License-Identifier: Apache-2.0
"""Real input: the Debian package index of this machine."""

import base64
import json
import re
import shutil
import subprocess

from harness import Skipped, equal, expect, test

RELATIONS = {"Depends": "depends", "Recommends": "recommends", "Suggests": "suggests",
             "Conflicts": "conflicts", "Breaks": "breaks"}
FIELDS = {"Package": "package", "Architecture": "architecture", "Version": "version",
          "Maintainer": "maintainer", "Section": "section", "Priority": "priority",
          "Homepage": "homepage"}


def paragraphs(text):
    """The index as {field: value}; folded lines keep their breaks."""
    for block in text.split("\n\n"):
        fields, name = {}, None
        for line in block.splitlines():
            if line[:1] in (" ", "\t"):
                fields[name] += "\n" + line[1:]
            elif ":" in line:
                name, _, rest = line.partition(":")
                fields[name] = rest.strip()
        if "Package" in fields:
            yield fields


def relation(text):
    for part in filter(None, (p.strip() for p in text.split(","))):
        alternatives = []
        for alternative in part.split("|"):
            name, version = re.fullmatch(r"\s*([^\s(]+)\s*(?:\((.*?)\))?.*", alternative, re.S).groups()
            alternatives.append({"name": name, "version_constraint": version or ""})
        yield {"alternatives": alternatives}


def package(fields):
    """The JSON form of debian.v1.Package; other fields by their names."""
    left = dict(fields)
    out = {new: left.pop(old) for old, new in FIELDS.items() if old in left}
    for old, new in RELATIONS.items():
        if old in left:
            out[new] = list(relation(left.pop(old)))
    out["installedSizeKib"] = left.pop("Installed-Size", "0")
    out["size"] = left.pop("Size", "0")
    synopsis, _, rest = left.pop("Description", left.pop("Description-en", "")).partition("\n")
    out["description"], out["longDescription"] = synopsis, rest
    if "SHA256" in left:
        out["sha256"] = base64.b64encode(bytes.fromhex(left.pop("SHA256"))).decode()
    out["tags"] = [tag.strip() for tag in left.pop("Tag", "").replace("\n", " ").split(",") if tag.strip()]
    out["other"] = left
    return out


def index(limit):
    if not shutil.which("apt-cache"):
        raise Skipped("no apt-cache")
    done = subprocess.run(["apt-cache", "dumpavail"], stdout=subprocess.PIPE, check=True)
    found = {}
    for fields in paragraphs(done.stdout.decode()):
        found[fields["Package"], fields.get("Architecture", "")] = package(fields)
        if limit and len(found) == limit:
            break
    if len(found) < 100:
        raise Skipped("this machine knows no package index (apt-get update)")
    return found


@test
def the_debian_package_index(t):
    found = index(0 if t.world.full else 5000)
    topic = t.topic("debian.package.published")
    config = t.config(streams={"packages": t.stream(
        topic, "debian.v1.Package", "package", key={"format": "json"}, limits={"record": "4MiB"},
        table={"key": ["package", "architecture"], "name": "package", "view": "package"})})
    t.migrate(config)
    lines = "\n".join(json.dumps(p, ensure_ascii=False) for p in found.values()).encode()
    checksums = []
    for _ in range(2):
        t.must("produce", "--config", config, topic, input=lines, seconds=300)
        t.run_to_end(config, 300)
        equal(t.rows("data.package"), len(found), "rows")
        columns = ", ".join(f'"{c}"' for c in t.columns("data.package") if not c.startswith("_"))
        checksums.append(t.value(f"select md5(string_agg(r, E'\\n' order by r)) from (select row({columns})"
                                 "::text as r from data.package) q"))
    equal(checksums[1], checksums[0], "checksum after it was produced twice")
    t.check_account("packages", consumed=2 * len(found), dead_lettered=0)
    for (name, architecture), wanted in list(found.items())[::97]:
        got = t.sql("select version, installed_size_kib, description, long_description, tags, depends, other, "
                    "encode(sha256, 'base64') from data.package where package = %s and architecture = %s",
                    name, architecture)[0]
        expect(got[0] == wanted.get("version", ""), f"{name}: version", got[0])
        equal(got[1], int(wanted["installedSizeKib"]), f"{name}: installed size")
        equal(got[2:4], (wanted["description"], wanted["longDescription"]), f"{name}: description")
        equal(got[4], wanted["tags"], f"{name}: tags")
        equal(got[5], wanted.get("depends", []), f"{name}: depends")
        equal(got[6], wanted["other"], f"{name}: other fields")
