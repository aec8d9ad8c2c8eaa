"""Notifications by mail: to the person they are for, else to every chief and editor."""

import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

from chassis import logs
from chassis.database import Database
from desk.i18n import words_in
from desk.store.notices import Mailing, Notices

log = logs.get()

SUBJECTS: Final = {
    "source_changed": "The source changed a story",
    "source_withdrew": "The source withdrew a story",
    "publish_failed": "Publishing failed",
    "site_failed": "A site does not take a story",
    "schedule_failed": "A scheduled story did not go out",
    "mention": "You were mentioned",
}
"""kind -> the sentence, as in the templates, where its translation is."""

Post = Callable[[EmailMessage], None]


def send_mail(database: Database, post: Post, sender: str, desk_url: str) -> None:
    """Send what was not sent yet. A message is claimed first and let go again if its server refuses it."""
    with database.unit_of_work() as uow:
        mailings = Notices(uow.connection).claim_mail()
    for mailing in mailings:
        try:
            post(compose(mailing, sender, desk_url))
        except (OSError, smtplib.SMTPException) as error:
            log.warning("a mail was not sent", kind=mailing.kind, reason=f"{type(error).__name__}: {error}")
            with database.unit_of_work() as uow:
                Notices(uow.connection).release_mail(mailing.notification_id)


def compose(mailing: Mailing, sender: str, desk_url: str) -> EmailMessage:
    """One message; several receivers do not see one another."""
    words = words_in(mailing.language)
    subject = words.gettext(SUBJECTS.get(mailing.kind, mailing.kind))
    message = EmailMessage()
    message["Subject"] = f"{subject}: {mailing.headline}" if mailing.headline else subject
    message["From"] = sender
    message["To"] = sender
    message["Bcc"] = ", ".join(mailing.emails)
    detail = words.tell(mailing.faults, mailing.detail)
    link = f"{desk_url}/stories/{mailing.story_id}" if mailing.story_id else desk_url
    message.set_content("\n".join(line for line in (mailing.headline, detail, link) if line))
    return message


def smtp(url: str) -> Post:
    """A sender for smtp://user:password@host:587 (STARTTLS where offered) or smtps://…:465."""
    parts = urlsplit(url)

    def post(message: EmailMessage) -> None:
        connect = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
        with connect(
            parts.hostname or "localhost", parts.port or (465 if parts.scheme == "smtps" else 587), timeout=15
        ) as server:
            server.ehlo()
            if parts.scheme != "smtps" and server.has_extn("starttls"):
                server.starttls()
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)

    return post
