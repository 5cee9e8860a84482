"""A mailbox as a source, read from a real IMAP server (pymap) that runs beside the test."""

import imaplib
import shutil
import socket
import subprocess
import sys
import time
from email.message import EmailMessage

import pytest

from ingestion import mailbox
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.pulled import PASSWORD, CannotPull
from ingestion.status import quarantined, status

USER = "returns@example.com"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A mail server of its own; ``address`` is what a user types."""

    def __init__(self, folder, tls=False):
        pytest.importorskip("pymap")
        self.port = free_port()
        self.address = f"imap://{USER.replace('@', '%40')}@127.0.0.1:{self.port}/Inspections"
        secure = ["--no-tls"]
        if tls:
            secure = ["--cert", str(folder / "cert.pem"), "--key", str(folder / "key.pem")]
        self.log = (folder / "imap.log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", "from pymap.main import main; main()"),
                *("--host", "127.0.0.1", "--port", str(self.port), *secure),
                *("dict", "--demo-user", USER, "--demo-password", "right"),
            ],
            stdout=self.log,
            stderr=self.log,
        )
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)

    def client(self):
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(USER, "right")
        return client

    def deliver(self, *mails):
        client = self.client()
        client.create("Inspections")
        for mail in mails:
            answer, said = client.append("Inspections", "", None, mail)
            assert answer == "OK", said
        client.logout()

    def seen(self):
        client = self.client()
        client.select("Inspections", readonly=True)
        _, [found] = client.search(None, "SEEN")
        client.logout()
        return found.split()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv(PASSWORD, "right")
    made = Server(tmp_path)
    yield made
    made.stop()


def mail(number, body="R260000111;{n};SPA-00001;2;DAMAGED;D;OTHER;"):
    message = EmailMessage()
    message["From"] = "supervisor@dc5.example.com"
    message["To"] = USER
    message["Date"] = "Fri, 03 Jul 2026 15:30:00 -0500"
    message["Message-ID"] = f"<m{number}@example.com>"
    message["Subject"] = "Insp DC5 03.07."
    header = "RMA;Line;Item;Qty;Cond;Grade;Reason;Remark\n"
    message.set_content(header + body.format(n=number))
    return message.as_bytes().replace(b"\n", b"\r\n")


def cases(settings):
    query = "select case_id from events order by case_id"
    return [case for (case,) in Lake(settings.home).connect().execute(query).fetchall()]


def test_mails_come_once_and_stay_unread(settings, server):
    server.deliver(mail(1), mail(2))
    first = ingest(settings, [server.address])
    assert (first.deliveries, first.accepted) == (2, 2)
    assert server.seen() == []
    assert ingest(settings, [server.address]).received == 0
    server.deliver(mail(3))
    assert ingest(settings, [server.address]).accepted == 1
    assert cases(settings) == ["R260000111:1", "R260000111:2", "R260000111:3"]
    assert status(Lake(settings.home)).balanced


def test_the_same_bytes_as_from_a_folder_are_the_same_delivery(settings, server, tmp_path):
    server.deliver(mail(1))
    ingest(settings, [server.address])
    [kept] = settings.home.glob("pulled/*/*.eml")
    assert kept.read_bytes() == mail(1)
    shutil.copy(kept, tmp_path / "saved.eml")
    assert ingest(settings, [tmp_path / "saved.eml"]).duplicate == 1


def test_a_mail_without_an_inspection_is_quarantined_and_stops_nothing(settings, server):
    server.deliver(mail(1), mail(2, body="").replace(b"RMA;Line", b"Lunch?"), mail(3))
    counts = ingest(settings, [server.address])
    assert (counts.received, counts.accepted, counts.quarantined) == (3, 2, 1)
    assert len(quarantined(Lake(settings.home))) == 1


def test_a_crash_before_the_lake_has_them_makes_them_come_again(settings, server, monkeypatch):
    monkeypatch.setattr(mailbox, "TOGETHER", 2)
    server.deliver(*(mail(n) for n in range(5)))
    from ingestion.session import Session

    commit, calls = Session.commit, []

    def dies_at_the_third(self, *args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        commit(self, *args)

    with monkeypatch.context() as broken:
        broken.setattr(Session, "commit", dies_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            ingest(settings, [server.address])
    counts = ingest(settings, [server.address])
    assert counts.received == 3
    assert cases(settings) == [f"R260000111:{n}" for n in range(5)]


def test_a_server_that_numbers_anew_is_read_from_the_beginning(settings, tmp_path, monkeypatch):
    """Its UIDVALIDITY is another one: mails we have are duplicates, the new one is accepted."""
    monkeypatch.setenv(PASSWORD, "right")
    old = Server(tmp_path)
    old.deliver(mail(1), mail(2))
    ingest(settings, [old.address])
    old.stop()
    monkeypatch.setattr(sys.modules[__name__], "free_port", lambda: old.port)
    new = Server(tmp_path)
    try:
        new.deliver(mail(2), mail(7))
        counts = ingest(settings, [new.address])
    finally:
        new.stop()
    assert (counts.received, counts.accepted, counts.duplicate) == (2, 1, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("/Inspections", "/Nowhere"), "Nowhere"),
        (("returns", "else"), "(?i)invalid|fail"),
        (("returns%40example.com@", ""), "USER@HOST"),
    ],
)
def test_a_mailbox_that_cannot_be_read_is_one_clear_sentence(settings, server, change, says):
    server.deliver(mail(1))
    with pytest.raises(CannotPull, match=says) as caught:
        ingest(settings, [server.address.replace(*change)])
    assert "\n" not in str(caught.value) and "right" not in str(caught.value)


def test_without_a_password_it_says_where_to_put_one(settings, server, monkeypatch):
    monkeypatch.delenv(PASSWORD)
    with pytest.raises(CannotPull, match=r"RETRACE_SOURCE_PASSWORD .*sources/returns%?.*@127"):
        ingest(settings, [server.address])


def test_nobody_listening_is_one_clear_sentence(settings, monkeypatch):
    monkeypatch.setenv(PASSWORD, "right")
    with pytest.raises(CannotPull, match="refused"):
        ingest(settings, [f"imap://me@127.0.0.1:{free_port()}"])


def test_no_password_goes_over_the_wire_in_the_clear(settings, server, monkeypatch):
    monkeypatch.setattr(mailbox, "_is_here", lambda _host: False)
    with pytest.raises(CannotPull, match="no encryption"):
        ingest(settings, [server.address])


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A server with a certificate that this process trusts, or not."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv(PASSWORD, "right")
    made = Server(tmp_path, tls=True)
    yield made
    made.stop()


def test_encryption_is_used_where_offered_and_the_certificate_checked(
    settings, certified, tmp_path, monkeypatch
):
    with pytest.raises(CannotPull, match=r"(?i)certificate"):
        ingest(settings, [certified.address])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with pytest.raises(CannotPull, match="Inspections"):  # through, and the folder is not there
        ingest(settings, [certified.address])
