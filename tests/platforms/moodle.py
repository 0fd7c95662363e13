"""A Moodle of the kit's own: a copy of the source at hand on PHP's built-in server, its data on a PostgreSQL."""

from __future__ import annotations

import csv
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.integration.postgresql import Server, free_port

ADMIN_PASSWORD = "Sesame-for-the-admin-1"
PASSWORD = "Sesame-for-everybody-1"
COURSE = "compression"

_CONFIG = """<?php
unset($CFG);
global $CFG;
$CFG = new stdClass();
$CFG->dbtype = 'pgsql';
$CFG->dblibrary = 'native';
$CFG->dbhost = '127.0.0.1';
$CFG->dbname = 'moodle';
$CFG->dbuser = 'assay';
$CFG->dbpass = '';
$CFG->prefix = 'mdl_';
$CFG->dboptions = ['dbport' => {port}];
$CFG->wwwroot = '{url}';
$CFG->dataroot = '{data}';
$CFG->admin = 'admin';
$CFG->directorypermissions = 02777;
// Moodle asks no address of its own machine unless these lists are empty (HTTP security).
$CFG->curlsecurityblockedhosts = '';
$CFG->curlsecurityallowedport = '';
$CFG->noemailever = true;
$CFG->passwordpolicy = false;
require_once(__DIR__ . '/lib/setup.php');
"""


class Moodle:
    """An installed Moodle and its server. Everything it writes is in ``folder``; the source stays as it is."""

    def __init__(self, source: Path, folder: Path, database: Server) -> None:
        """Copy and install it. Takes some minutes."""
        self.folder = folder
        self.code = folder / "moodle"
        # Another site than the service's 127.0.0.1, as in real life: cookies and frames depend on it.
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.database_url = database.create("moodle")
        self.log = folder / "moodle.log"
        self._clock = folder / "clock"
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(source, self.code, ignore=shutil.ignore_patterns(".git", "node_modules"))
        data = folder / "moodledata"
        data.mkdir()
        if os.geteuid() == 0:
            # Only its data is writable to a Moodle: its code comes from elsewhere.
            os.chown(data, *_nobody())
        config = _CONFIG.format(port=database.port, url=self.url, data=data)
        (self.code / "config.php").write_text(config)
        self.set_clock(0)
        self.php(
            "admin/cli/install_database.php",
            "--agree-license",
            f"--adminpass={ADMIN_PASSWORD}",
            "--adminemail=admin@school.example",
            "--fullname=School",
            "--shortname=school",
        )
        # The tours for newcomers would cover what a step clicks.
        self._change("UPDATE mdl_tool_usertours_tours SET enabled = 0")

    @property
    def release(self) -> str:
        """The version, such as ``4.5.6 (Build: 20250811)``."""
        ((release,),) = self.rows("SELECT value FROM mdl_config WHERE name = 'release'")
        return str(release)

    def php(self, script: str, *arguments: str) -> str:
        """Run one of Moodle's commands. Returns what it prints."""
        command = ["php", "-d", "max_input_vars=5000", str(self.code / script), *arguments]
        done = subprocess.run(
            command, cwd=self.code, capture_output=True, text=True, env=self._environment(), **_user()
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    def start(self) -> None:
        """Serve, with processes for requests that come at the same time."""
        # A page of Moodle asks the tool for its keys, and the tool asks Moodle for its own, before either answers.
        environment = {**self._environment(), "PHP_CLI_SERVER_WORKERS": "4"}
        limits = ["-d", "max_input_vars=5000", "-d", "upload_max_filesize=20M", "-d", "post_max_size=20M"]
        with self.log.open("w") as out:
            self._process = subprocess.Popen(
                ["php", *limits, "-S", f"localhost:{self.port}", "-t", self.code],
                cwd=self.code,
                stdout=out,
                stderr=out,
                env=environment,
                start_new_session=True,
                **_user(),
            )
        until = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"{self.url}/login/index.php", timeout=60).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < until, self.log.read_text()
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.2)

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            # PHP's server leaves its further processes behind when it ends.
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(30)

    def set_clock(self, ahead: int) -> None:
        """Let its clock differ from ours by so many seconds from now on."""
        self._clock.write_text(f"{ahead:+d}s\n")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of its database."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def add_course(self, people: Mapping[str, str]) -> int:
        """A course with these people: the login and the short name of a role. Returns its id."""
        courses, users = self.folder / "courses.csv", self.folder / "users.csv"
        _write(courses, [{"shortname": COURSE, "fullname": "Compression", "category": "1"}])
        self.php("admin/tool/uploadcourse/cli/uploadcourse.php", "--mode=createnew", f"--file={courses}")
        rows = [
            {
                "username": login,
                "password": PASSWORD,
                "firstname": login.capitalize(),
                "lastname": "Moodle",
                "email": f"{login}@school.example",
                "idnumber": f"B{number:08}",
                "course1": COURSE,
                "role1": role,
            }
            for number, (login, role) in enumerate(people.items())
        ]
        _write(users, rows)
        self.php("admin/tool/uploaduser/cli/uploaduser.php", f"--file={users}", "--mode=addnew")
        ((course,),) = self.rows("SELECT id FROM mdl_course WHERE shortname = %s", COURSE)
        return int(course)

    def rename(self, login: str, last_name: str) -> None:
        """Change somebody's last name, as a new marriage would."""
        self._change("UPDATE mdl_user SET lastname = %s WHERE username = %s", last_name, login)

    def leave(self, login: str) -> None:
        """Let somebody lose their roles in all courses, as when they leave them."""
        self._change(
            "DELETE FROM mdl_role_assignments WHERE userid = (SELECT id FROM mdl_user WHERE username = %s)", login
        )

    def forget_tokens(self) -> None:
        """Let the tool ask for a new access token."""
        self._change("DELETE FROM mdl_lti_access_tokens")

    def _change(self, statement: str, *values: Any) -> None:
        with psycopg.connect(self.database_url) as connection:
            connection.execute(statement.encode(), values)

    def grade(self, activity: int, login: str) -> float | None:
        """The final grade of somebody in the gradebook column of an activity."""
        found = self.rows(
            "SELECT g.finalgrade FROM mdl_grade_grades g JOIN mdl_user u ON u.id = g.userid "
            "WHERE g.itemid = %s AND u.username = %s",
            self.column(activity)[0],
            login,
        )
        return None if not found or found[0][0] is None else float(found[0][0])

    def column(self, activity: int) -> tuple[int, str, float]:
        """The gradebook column of an activity: its id, name and largest grade."""
        ((column, name, largest),) = self.rows(
            "SELECT i.id, i.itemname, i.grademax FROM mdl_grade_items i "
            "JOIN mdl_course_modules m ON m.instance = i.iteminstance AND i.itemmodule = 'lti' WHERE m.id = %s",
            activity,
        )
        return int(column), str(name), float(largest)

    def user(self, login: str) -> int:
        """The id of somebody."""
        ((user,),) = self.rows("SELECT id FROM mdl_user WHERE username = %s", login)
        return int(user)

    def _environment(self) -> dict[str, str]:
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        return {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.folder),
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


def _nobody() -> tuple[int, int]:
    account = pwd.getpwnam("nobody")
    return account.pw_uid, account.pw_gid


def _user() -> dict[str, Any]:
    """The account of every process of Moodle: never root."""
    if os.geteuid() != 0:
        return {}
    user, group = _nobody()
    return {"user": user, "group": group, "extra_groups": []}


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
