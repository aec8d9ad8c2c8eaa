"""Visits to sources: those that are due, each under a lease of its own, many at once, none twice."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from chassis import logs
from chassis.bucket import StorageDown
from chassis.errors import Refusal
from chassis.safe_http import SafeClient
from chassis.vault import SecretUnreadableError, Vault
from ingestion.domain.items import Raw, Updates
from ingestion.domain.schedule import back_off_s, next_visit_s
from ingestion.handlers.intake import Intake, Taken, take_raw
from ingestion.handlers.opened import OpenSource, open_source
from ingestion.handlers.webhooks import take_updates
from ingestion.sources.plugin import Visit
from ingestion.store.posts import Posts
from ingestion.store.sources import Lease, Sources

LEASE_S = 60.0
MOST_PROBLEM = 1_000

log = logs.get()


class LeaseLostError(Exception):
    """Somebody else visits the source now, or it was changed meanwhile; what we do further is in vain."""


@dataclass
class Visitor:
    """Visits due sources of some kinds, at most `at_once` in this process. `client` fetches originals."""

    intake: Intake
    client: SafeClient
    vault: Vault
    kinds: Sequence[str]
    at_once: int = 16
    _in_hand: dict[str, Lease] = field(default_factory=dict, repr=False)
    _keeper: threading.Thread | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def visit_due(self) -> None:
        """Start as many visits as there is room for, and return; leases of long visits are extended meanwhile."""
        with self._lock:
            room = self.at_once - len(self._in_hand)
        if room <= 0:
            return
        with self.intake.database.connection() as connection:
            leases = list(Sources(connection).lease_due(self.kinds, room, LEASE_S))
        with self._lock:
            self._in_hand.update({lease.source.source_id: lease for lease in leases})
            if leases and not (self._keeper and self._keeper.is_alive()):
                self._keeper = threading.Thread(target=self._keep_leases, name="leases", daemon=True)
                self._keeper.start()
        for lease in leases:
            threading.Thread(target=self._visit, args=(lease,), name=lease.source.source_id, daemon=True).start()

    def is_idle(self) -> bool:
        with self._lock:
            return not self._in_hand

    def _visit(self, lease: Lease) -> None:
        try:
            visit_source(lease, self.intake, self.client, self.vault)
        except psycopg.OperationalError as error:
            log.warning("the database went away during a visit", source=lease.source.source_id, reason=str(error))
        except Exception:
            log.exception("a visit failed", source=lease.source.source_id)
        finally:
            with self._lock:
                del self._in_hand[lease.source.source_id]

    def _keep_leases(self) -> None:
        """Ours as long as we visit, however long that takes."""
        while True:
            time.sleep(LEASE_S / 3)
            with self._lock:
                leases = list(self._in_hand.values())
                if not leases:
                    self._keeper = None
                    return
            try:
                with self.intake.database.connection() as connection:
                    for lease in leases:
                        Sources(connection).extend(lease, LEASE_S)
            except psycopg.OperationalError as error:
                log.warning("leases of visits could not be extended", reason=str(error).strip())


def visit_source(lease: Lease, intake: Intake, client: SafeClient, vault: Vault) -> None:
    """One visit, from the first byte to the next date. What goes wrong is the source's problem, with a longer pause."""
    row = lease.source
    visit: Visit | None = None
    try:
        source = open_source(row, vault)
        with intake.database.connection() as connection:
            told = Posts(connection).told_lately(row.source_id)
        visit = Visit(settings=source.settings, client=client, memory=dict(row.memory), told=told)
        taken = _take_all(lease, source, visit, intake)
    except LeaseLostError:
        log.info("a visit lost its lease", source=row.source_id)
    except Refusal as refusal:
        wait_s = max(visit.wait_at_least_s if visit else 0, float(refusal.extra.get("retry_after_s", 0)))
        _fail(lease, refusal.detail, visit, intake, wait_s)
    except (StorageDown, SecretUnreadableError) as error:
        _fail(lease, str(error), visit, intake)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        log.exception("a plug-in failed", source=row.source_id, kind=row.kind)
        _fail(lease, f"{type(error).__name__}: {error}", visit, intake)
    else:
        due_in_s = next_visit_s(row.every_s, visit.wait_at_least_s, _jitter())
        with intake.database.connection() as connection:
            Sources(connection).finish(lease, visit.memory, due_in_s, visit.ended)
        if taken.received or taken.withdrawn or taken.troubles or visit.ended:
            log.info("source visited", source=row.source_id, ended=visit.ended, **vars(taken))


def _take_all(lease: Lease, source: OpenSource, visit: Visit, intake: Intake) -> Taken:
    if source.plugin.poll is None:
        return Taken()
    total, safe = Taken(), dict(visit.memory)
    for raw in source.plugin.poll(visit):
        seen, visit.memory = visit.memory, safe  # if it cannot be taken in, it must not be known at the next visit
        total += _take(raw, source, intake)
        visit.memory, safe = seen, dict(seen)
        with intake.database.connection() as connection:
            if not Sources(connection).remember(lease, visit.memory):
                raise LeaseLostError
    return total


def _take(given: Raw | Updates, source: OpenSource, intake: Intake) -> Taken:
    if isinstance(given, Updates):
        return Taken(troubles=take_updates(given, source, intake))
    return take_raw(given, source, intake)


def _fail(lease: Lease, problem: str, visit: Visit | None, intake: Intake, wait_s: float = 0) -> None:
    row, memory = lease.source, visit.memory if visit else lease.source.memory
    due_in_s = back_off_s(row.every_s, row.failures + 1, wait_s, _jitter())
    log.warning("a source cannot be read", source=row.source_id, problem=problem, again_in_s=round(due_in_s))
    with intake.database.connection() as connection:
        Sources(connection).fail(lease, memory, due_in_s, problem[:MOST_PROBLEM])


def _jitter() -> float:
    return random.uniform(-1, 1)  # noqa: S311 - no secret
