"""Posts that a messenger tells of at our doors: each message is noted and answered at once, and a post is put together when it is whole.

An album has no end signal: its photos come one by one. So a post waits until nothing more came for a moment, though never long;
a photo that comes later puts the same post together again. All times are rows, so a worker that dies forgets none.
"""

import threading
from dataclasses import dataclass, field

import psycopg

from chassis import ledger, logs
from chassis.bucket import StorageDown
from chassis.database import Database
from chassis.vault import SecretUnreadableError, Vault
from ingestion.domain.items import Raw
from ingestion.handlers.intake import Intake, take_raw
from ingestion.handlers.opened import open_source
from ingestion.store.posts import DuePost, Posts, Told
from ingestion.store.sources import Sources

ALBUM_WAIT_S, ALBUM_WAIT_AT_MOST_S = 2.5, 10.0
LEASE_S = 180.0
KEEP_DAYS = 400
TIMER = "put_posts_together"

log = logs.get()


def note_message(source_id: str, told: Told, *, is_album: bool, database: Database) -> bool:
    """Keep what an update tells; False where it tells nothing new. Its post is put together soon."""
    wait_s = ALBUM_WAIT_S if is_album else 0
    with database.unit_of_work() as uow:
        is_news = Posts(uow.connection).tell(source_id, told, wait_s, ALBUM_WAIT_AT_MOST_S)
    if is_news and not is_album:
        with database.connection() as connection:
            ledger.wake(connection, "ingestion", TIMER)
    return is_news


@dataclass
class Composer:
    """Puts due posts together, at most `at_once` in this process: photos are fetched meanwhile."""

    intake: Intake
    vault: Vault
    at_once: int = 8
    _in_hand: set[tuple[str, str]] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def compose_due(self) -> None:
        """Begin with as many posts as there is room for, and return."""
        with self._lock:
            room = self.at_once - len(self._in_hand)
        if room <= 0:
            return
        with self.intake.database.connection() as connection:
            posts = Posts(connection).lease_due(room, LEASE_S)
        with self._lock:
            self._in_hand.update((post.source_id, post.post_key) for post in posts)
        for post in posts:
            threading.Thread(target=self._compose, args=(post,), name=post.post_key, daemon=True).start()

    def is_idle(self) -> bool:
        with self._lock:
            return not self._in_hand

    def _compose(self, post: DuePost) -> None:
        try:
            compose(post, self.intake, self.vault)
        except psycopg.OperationalError as error:
            log.warning("the database went away under a post", source=post.source_id, reason=str(error).strip())
        except Exception:
            log.exception("a post cannot be put together", source=post.source_id, post=post.post_key)
        finally:
            with self._lock:
                self._in_hand.discard((post.source_id, post.post_key))


def compose(post: DuePost, intake: Intake, vault: Vault) -> None:
    """All messages of a post as they came are one original, and that is taken in."""
    with intake.database.connection() as connection:
        row, bodies = Sources(connection).get(post.source_id), Posts(connection).messages(post)
    try:
        if row is not None and bodies:
            raw = Raw(b"[" + b",".join(bodies) + b"]", "application/json", note={"external_id": post.external_id})
            taken = take_raw(raw, open_source(row, vault), intake)
            log.info("post put together", source=post.source_id, post=post.external_id, **vars(taken))
    except (StorageDown, SecretUnreadableError, psycopg.OperationalError) as error:
        log.warning("a post waits", source=post.source_id, post=post.external_id, reason=str(error).strip())
        with intake.database.connection() as connection:
            Posts(connection).put_back(post)
        return
    except Exception as error:  # noqa: BLE001 - it is noted at the source with the original, and would fail again
        log.warning("a post cannot be read", source=post.source_id, post=post.external_id, reason=repr(error))
    with intake.database.connection() as connection:
        Posts(connection).finish(post)


def forget_old_posts(database: Database) -> None:
    with database.unit_of_work() as uow:
        Posts(uow.connection).forget_old(KEEP_DAYS)
