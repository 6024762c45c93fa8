# SPDX-License-Identifier: Apache-2.0
"""A small disk for a round's tables: a tablespace of the primary on a tmpfs. Mounting needs root.

The tablespace stands inside the data directory, since primary and standby share this machine's
paths; the standby's is a plain folder there. WAL and everything else stay on the large disk: a full
one there stops the server, which is another fault.
"""

import contextlib
import errno
import os
import pathlib
import shutil
import subprocess
import tempfile

SIZE = "128m"
NAME = "small"


def able():
    """Whether this process may mount."""
    if os.geteuid() != 0:
        return False
    folder = tempfile.mkdtemp(prefix="pactolus-mount.")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], stderr=subprocess.DEVNULL)
    if mounted.returncode == 0:
        subprocess.run(["umount", folder], check=True)
    os.rmdir(folder)
    return mounted.returncode == 0


class SmallDisk:
    def __init__(self, postgres):
        self.postgres = postgres
        with postgres.admin() as connection, connection.cursor() as cursor:
            cursor.execute("set allow_in_place_tablespaces = on")
            cursor.execute(f"create tablespace {NAME} location ''")
            cursor.execute(f"select oid from pg_tablespace where spcname = '{NAME}'")
            oid = cursor.fetchone()[0]
        self.folder = pathlib.Path(postgres.primary.host) / "data" / "pg_tblspc" / str(oid)
        owner = self.folder.stat()
        inner = [entry.name for entry in self.folder.iterdir()]
        options = f"size={SIZE},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)], check=True)
        for name in inner:
            (self.folder / name).mkdir(mode=0o700)
            shutil.chown(self.folder / name, owner.st_uid, owner.st_gid)

    def take(self, test, table):
        test.sql(f"alter table {table} set tablespace {NAME}")

    @property
    def filler(self):
        return self.folder / "filler"

    def fill(self):
        """Not a byte is left."""
        with open(self.filler, "wb", buffering=0) as out:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while out.write(b"\0" * size):
                        pass

    def free(self):
        self.filler.unlink(missing_ok=True)

    def unmount(self):
        done = subprocess.run(["umount", "-l", str(self.folder)], stderr=subprocess.PIPE, text=True)
        if done.returncode and "not mounted" not in done.stderr:
            raise OSError(errno.EBUSY, done.stderr, str(self.folder))

    def close(self):
        """Once no database uses it any more."""
        self.unmount()
        with self.postgres.admin() as connection:
            connection.cursor().execute(f"drop tablespace {NAME}")
