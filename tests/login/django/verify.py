"""Logs in with passkeys through django-otp-webauthn, from the rows of a database. Run it with
.venv/bin/python after ./setup.

    verify.py DATABASE_URL ASSERTIONS.jsonl     judges each line
    verify.py --migrate DATABASE_URL            makes the tables, with Django's own migrations
    verify.py --users DATABASE_URL FILE         makes a user for each username, one a line

DATABASE_URL is postgres://user@host:port/db, mysql://user@host:port/db or sqlite:PATH.

Each assertion is posted to the package's own view authentication/complete/, without a logged-in
user (passwordless login). Prints one JSON line for each, in the same order:
{"credentialId","verdict","detail","user"}, where user is who is logged in then. Verdicts:

    ok         status 200, and the user of the line is logged in
    failed     any other answer, or somebody else is logged in
    not-found  no row has this credential ID
    error      the line lacks what a judgement needs, or is about another credential than it says

Every line meets the rows as they are: what a login writes is rolled back.
Exit status: 0 all lines judged, 2 an input or the database cannot be read (with a message on
standard error).
"""

import json
import logging
import os
import sys
from urllib.parse import unquote, urlsplit

import django
import pymysql
from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.management import call_command
from django.db import DataError, Error, IntegrityError, transaction
from django.test import Client

USAGE = "usage: verify.py [--migrate | --users] DATABASE_URL [FILE]"
FIELDS = ("credentialId", "user", "rpId", "origin", "challenge", "response")
ENGINES = {"postgres": "postgresql", "postgresql": "postgresql", "mysql": "mysql"}
BATCH = 500


class Unreadable(Exception):
    """Nothing can be judged."""


class Reasons(logging.Handler):
    """Keeps what the view logs: its answer does not say why py_webauthn refused."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())

    def take(self):
        texts, self.texts = self.texts, []
        return "; ".join(texts)


REASONS = Reasons()


def database(url):
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": rest}
    parts = urlsplit(url)
    name = unquote(parts.path.lstrip("/"))
    if scheme not in ENGINES or not parts.hostname or not name:
        raise Unreadable("DATABASE_URL is not postgres://…, mysql://… or sqlite:PATH")
    return {
        "ENGINE": f"django.db.backends.{ENGINES[scheme]}",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname),
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,
    }


def configure(url):
    pymysql.install_as_MySQLdb()
    settings.configure(
        DATABASES={"default": database(url)},
        SECRET_KEY="only for this proof, nothing is kept",
        ALLOWED_HOSTS=["testserver"],
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django_otp",
            "django_otp_webauthn",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django_otp.middleware.OTPMiddleware",
        ],
        AUTHENTICATION_BACKENDS=["django_otp_webauthn.backends.WebAuthnBackend"],
        ROOT_URLCONF="django_otp_webauthn.urls",
        # In memory, so that the database needs no table for them and one line leaves no trace.
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        USE_TZ=True,
        OTP_WEBAUTHN_RP_NAME="login proof",
        OTP_WEBAUTHN_RP_ID="set for each line",
        OTP_WEBAUTHN_ALLOWED_ORIGINS=["https://set.for.each.line"],
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"reasons": {"()": lambda: REASONS}, "none": {"class": "logging.NullHandler"}},
            "loggers": {
                "django_otp_webauthn": {"handlers": ["reasons"], "propagate": False},
                # It repeats each answer that is not 200.
                "django.request": {"handlers": ["none"], "propagate": False},
            },
        },
    )
    django.setup()


def lines_of(path):
    """Yields (number, text) for each line that is not empty."""
    try:
        # Only \n ends a line: a JSON text may hold other separators.
        with open(path, encoding="utf-8", newline="\n") as file:
            for number, text in enumerate(file, 1):
                text = text.removesuffix("\n").removesuffix("\r")
                if text:
                    yield number, text
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {error}") from error


def assertions_of(path):
    for number, text in lines_of(path):
        try:
            yield json.loads(text)
        except ValueError as error:
            raise Unreadable(f"{path}: line {number}: {error}") from error


def missing(line):
    """Returns what the line lacks, if anything."""
    if not isinstance(line, dict):
        return "the line is not an object"
    for field in FIELDS:
        kind = dict if field == "response" else str
        if not isinstance(line.get(field), kind) or not line[field]:
            return f"the line has no {field}"
    if not isinstance(line["response"].get("id"), str):
        return "the line has no response.id"
    return None


class Login:
    """Logs in with one assertion after another."""

    def __init__(self):
        # A crash of the view is a refused login, as it is for a user.
        self.client = Client(raise_request_exception=False)

    def judge(self, line):
        credential_id = line.get("credentialId") if isinstance(line, dict) else None
        lack = missing(line)
        if lack:
            verdict, detail, user = "error", lack, None
        else:
            with transaction.atomic():
                verdict, detail, user = self.post(line)
                transaction.set_rollback(True)
            cache.clear()
        return {"credentialId": credential_id, "verdict": verdict, "detail": detail, "user": user}

    def post(self, line):
        settings.OTP_WEBAUTHN_RP_ID = line["rpId"]
        settings.OTP_WEBAUTHN_ALLOWED_ORIGINS = [line["origin"]]
        self.client.cookies.clear()
        # The state is the framework's own; only its challenge becomes the one that was signed.
        begun = self.client.post("/authentication/begin/")
        if begun.status_code != 200:
            raise Unreadable(f"authentication/begin/ answers {begun.status_code}")
        session = self.client.session
        state = session["otp_webauthn_authentication_state"]
        if state["require_user_verification"] is not True:
            raise Unreadable("authentication/begin/ does not require user verification")
        session["otp_webauthn_authentication_state"] = {**state, "challenge": line["challenge"]}
        session.save()
        answer = self.client.post("/authentication/complete/", line["response"], "application/json")
        return self.verdict_of(line, answer)

    def verdict_of(self, line, answer):
        reasons = REASONS.take()
        if answer.status_code != 200:
            if crash := answer.exc_info:
                # What a row cannot hold is a refused login; anything else (no server, no table) is no verdict.
                if isinstance(crash[1], Error) and not isinstance(crash[1], (DataError, IntegrityError)):
                    raise crash[1]
                code = crash[0].__name__
            else:
                code = answer.json()["code"]
            verdict = "not-found" if code == "credential_not_found" else "failed"
            return verdict, ": ".join(filter(None, [f"{answer.status_code} {code}", reasons])), None
        # From the session alone, as the next request of this browser would find it.
        user = get_user(self.client).get_username()
        if line["response"]["id"] != line["credentialId"]:
            return "error", "response.id is not the credentialId of the line", user or None
        if user != line["user"]:
            return "failed", "another user is logged in" if user else "nobody is logged in", user or None
        return "ok", "", user


def verify(path):
    login = Login()
    for line in assertions_of(path):
        print(json.dumps(login.judge(line)))


def migrate():
    call_command("migrate", verbosity=0, interactive=False)


def make_users(path):
    User = get_user_model()
    password = make_password(None)  # that no password matches
    users = [User(username=name, password=password) for _, name in lines_of(path)]
    with transaction.atomic():
        User.objects.bulk_create(users, batch_size=BATCH)


def main(arguments):
    action = arguments.pop(0) if arguments[:1] in (["--migrate"], ["--users"]) else None
    if len(arguments) != (1 if action == "--migrate" else 2):
        raise Unreadable(USAGE)
    url, *files = arguments
    if action != "--migrate" and url.startswith("sqlite:") and not os.path.exists(url[7:]):
        raise Unreadable(f"{url[7:]}: no such file")  # SQLite would make an empty one
    configure(url)

    try:
        {"--migrate": migrate, "--users": make_users, None: verify}[action](*files)
    except Error as error:
        raise Unreadable(f"the database: {error}") from error


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Unreadable as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        sys.exit(2)
