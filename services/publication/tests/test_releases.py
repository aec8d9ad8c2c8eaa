"""Orders on real engines: what readers, feeds and the ledger show afterwards."""

import json
from dataclasses import replace

import pytest
from lxml import html

from chassis.bucket import StorageDown
from chassis.testing import assert_any_order_ends_alike
from contracts.content import Paragraph, Rubric, Tag
from contracts.events import ImageProcessed
from publication.domain.faults import WORDS
from publication.handlers import releases
from publication.handlers.lists import ListWriter
from publication.handlers.releases import carry_out, take_better_renditions
from publication.store.announcements import Announcements
from publication.store.lists import Lists
from publication.store.releases import Releases
from publication.store.stories import Stories

from .building import HEADLINE, NOON, number, order, photo, snapshot

pytestmark = pytest.mark.stack


def test_a_published_story_stands_at_its_address_in_lists_and_feeds_before_anybody_is_told(newsroom):
    newsroom.handle(order())
    told_before_the_lists = newsroom.facts()
    newsroom.writer.run()

    [fact] = newsroom.facts("story.published.v1")
    status, kind, text = newsroom.get(fact["url"])
    assert told_before_the_lists == []
    assert fact["url"] == newsroom.url("2026/11/12/delegatsiya-orenburzhya-vernulas-iz-aktobe-00000001.html")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert HEADLINE in text
    assert json.loads(newsroom.get(fact["data_url"])[2]) == fact["item"]
    lists = [
        "index.html",
        "rubric/politika.html",
        "rubric/za-rubezhom.html",
        "tag/kazakhstan.html",
        "author/vera-lugova.html",
    ]
    assert [HEADLINE in newsroom.get(path)[2] for path in lists] == [True] * 5
    feeds = {
        "rss.xml": "application/rss+xml; charset=utf-8",
        "atom.xml": "application/atom+xml; charset=utf-8",
        "feed.json": "application/feed+json; charset=utf-8",
        "dzen.xml": "application/rss+xml; charset=utf-8",
        "yandex.xml": "application/rss+xml; charset=utf-8",
        "tag/kazakhstan.xml": "application/rss+xml; charset=utf-8",
    }
    assert {path: newsroom.get(path)[1] for path in feeds} == feeds
    assert [HEADLINE in newsroom.get(path)[2] for path in feeds] == [True] * 6
    assert fact["url"] in newsroom.get("sitemaps/1.xml")[2]
    assert newsroom.url("sitemaps/1.xml") in newsroom.get("sitemap.xml")[2]
    assert newsroom.get("404.html")[0] == newsroom.get("robots.txt")[0] == newsroom.get("search.json")[0] == 200


def test_any_order_and_any_repetition_of_a_story_s_orders_ends_in_the_same_state(world):
    orders = [
        order(1, 1),
        order(1, 2, "correct", headline="Исправлено", correction_note="Рейсов три."),
        order(1, 3, "unpublish", reason="Уточняем."),
        order(1, 4, "correct", headline="Снова с нами"),
    ]

    end = assert_any_order_ends_alike(orders, world, _hear, _shown)

    assert end == (4, "Снова с нами", ["Снова с нами"], "4")


def test_any_order_and_any_repetition_around_a_kill_ends_in_the_notice(world):
    orders = [order(1, 1), order(1, 2, "correct", headline="Исправлено"), order(1, 3, "kill", reason="Ошибка.")]

    end = assert_any_order_ends_alike(orders, world, _hear, _shown)

    assert end == (3, "Материал снят с публикации", [], "3")


@pytest.fixture
def world(build, database_for):
    def empty():
        base, database = build(), database_for("publication")
        return database, replace(base, database=database, writer=ListWriter(database, base.press))

    return empty


def _hear(one, uow, newsroom):
    carry_out(one, uow, newsroom.press)


def _shown(newsroom):
    newsroom.writer.run()
    newest = max(newsroom.facts(), key=lambda fact: fact["version"])
    status, _, front = newsroom.get("index.html")  # not there where nothing was ever live
    headlines = html.fromstring(front).xpath("//h2//text()") if status == 200 else []
    return newest["version"], newsroom.page(newest["url"]).xpath("string(//h1)"), headlines, newest["item"]["version"]


def test_an_older_version_that_comes_late_changes_nothing_and_is_noted_as_stale(newsroom):
    newsroom.publish(1, 2, headline="Вторая версия")
    url = newsroom.facts()[-1]["url"]

    newsroom.handle(order(1, 1, headline="Первая версия"))
    newsroom.writer.run()

    assert newsroom.page(url).xpath("string(//h1)") == "Вторая версия"
    assert len(newsroom.facts()) == 1
    with newsroom.database.connection() as connection:
        assert [(one["version"], one["outcome"]) for one in Releases(connection).of_story(number(1))] == [
            (2, "released"),
            (1, "stale"),
        ]


def test_a_slow_worker_with_an_older_page_does_not_overwrite_the_newer(build):
    newsroom, slow = build(), build()
    slow.press.editions[0].site.__dict__.update(prefix=newsroom.settings.site_prefix)
    newsroom.handle(order(1, 1), order(1, 2, "correct", headline="Новая"))
    late = releases._next(order(1, 1), None, newsroom.press)
    written = releases._write(late, slow.press, is_first=True)
    newsroom.writer.run()

    assert written is False
    assert newsroom.page(newsroom.facts()[-1]["url"]).xpath("string(//h1)") == "Новая"


def test_a_killed_story_is_gone_everywhere_and_its_photos_leave_the_bucket(newsroom):
    bucket, prefix = newsroom.press.bucket, newsroom.settings.site_prefix
    root = bucket.url(f"{prefix}/media")
    mine, shared = photo(1, root), photo(2, root)
    for image in (mine, shared):
        for one in image.manifest.renditions:
            bucket.put(newsroom.press.media_key(one.url), b"photo", content_type=one.content_type)
    url = newsroom.publish(1, images=(mine, shared), tags=(Tag(label="Тайна"),))
    newsroom.publish(2, images=(shared,), blocks=(), headline="Другая новость")

    newsroom.publish(1, 2, "kill", reason="Сведения не подтвердились.", images=(mine, shared))

    fact = newsroom.facts()[-1]
    page = newsroom.get(url)[2]
    assert fact["item"]["pubStatus"] == "canceled"
    assert not {"headlines", "bodies", "associations", "title"} & set(fact["item"])
    assert "Материал снят с публикации" in page
    assert "Сведения не подтвердились." in page
    keys = list(bucket.list(f"{prefix}/"))
    texts = {key: bucket.get(key).decode() for key in keys if "/media/" not in key}
    assert [
        key for key, text in texts.items() if HEADLINE in text or ("Двое мужчин" in text and "Другая" not in text)
    ] == []
    listed = [key for key, text in texts.items() if url in text]
    assert listed == [
        f"{prefix}/2026/11/12/delegatsiya-orenburzhya-vernulas-iz-aktobe-00000001.json"
    ]  # its cancelled item
    assert [key for key in keys if "tayna" in key] == []
    assert {key.split("/media/")[1].partition("/")[0] for key in keys if "/media/" in key} == {"0002v1"}
    assert bucket.head(newsroom.press.media_key(shared.manifest.renditions[0].url))["ContentLength"] == 5


def lay(newsroom, *images):
    for image in images:
        for one in image.manifest.renditions:
            newsroom.press.bucket.put(newsroom.press.media_key(one.url), b"photo", content_type=one.content_type)


def sharing(image, other, name):
    """The image, with one rendition that is the very same file as the other's: small ones bear no caption."""
    theirs = {(one.name, one.content_type): one for one in other.manifest.renditions}
    mine = tuple(theirs[one.name, one.content_type] if one.name == name else one for one in image.manifest.renditions)
    return image.model_copy(update={"manifest": image.manifest.model_copy(update={"renditions": mine})})


def test_a_kill_leaves_the_files_that_another_story_shows_though_its_own_photo_goes(newsroom):
    root = newsroom.press.bucket.url(f"{newsroom.settings.site_prefix}/media")
    other = photo(2, root)
    mine = sharing(photo(1, root), other, "w320")
    lay(newsroom, mine, other)
    newsroom.publish(1, images=(mine,), blocks=())
    newsroom.publish(2, images=(other,), blocks=(), headline="Другая новость")

    newsroom.publish(1, 2, "kill", reason="Сведения не подтвердились.", images=(mine,), blocks=())

    left = list(newsroom.press.bucket.list(f"{newsroom.settings.site_prefix}/media/"))
    assert {key.split("/")[-2] for key in left} == {"0002v1"}
    assert len(left) == len(other.manifest.renditions)


def test_a_kill_takes_renditions_that_were_shown_once(newsroom):
    root = newsroom.press.bucket.url(f"{newsroom.settings.site_prefix}/media")
    first, better, replaced = photo(1, root), photo(1, root, version=2), photo(3, root)
    lay(newsroom, first, better, replaced)
    newsroom.publish(1, images=(first,), blocks=())
    event = ImageProcessed(story_id=number(1), image_id=first.image_id, manifest=better.manifest)
    take_better_renditions(event, newsroom.database.unit_of_work(), newsroom.press)
    newsroom.publish(1, 2, "correct", images=(replaced,), blocks=())

    newsroom.publish(1, 3, "kill", reason="Сведения не подтвердились.", images=(replaced,), blocks=())

    assert list(newsroom.press.bucket.list(f"{newsroom.settings.site_prefix}/media/")) == []


def test_a_kill_takes_the_sizes_that_partners_asked_for(newsroom):
    root = newsroom.press.bucket.url(f"{newsroom.settings.site_prefix}/media")
    mine, other = photo(1, root), photo(2, root)
    lay(newsroom, mine, other)
    for image in (mine, other):
        newsroom.press.bucket.put(f"media/r/{image.image_id}/1/512x0.jpg", b"photo", content_type="image/jpeg")
    newsroom.publish(1, images=(mine,), blocks=())

    newsroom.publish(1, 2, "kill", reason="Сведения не подтвердились.", images=(mine,), blocks=())

    left = [key for image in (mine, other) for key in newsroom.press.bucket.list(f"media/r/{image.image_id}/")]
    assert left == [f"media/r/{other.image_id}/1/512x0.jpg"]


def test_a_killed_story_comes_back_only_by_an_editor_with_the_right(newsroom):
    url = newsroom.publish(1)
    newsroom.publish(1, 2, "kill", reason="Ошибка.", ordered_by="anna")

    newsroom.handle(order(1, 3, "publish"))
    refused = newsroom.facts()[-1]
    still = newsroom.page(url).xpath("string(//h1)")
    newsroom.publish(1, 4, "publish", revives_killed=True, ordered_by="chief")

    assert (refused["reason"], refused["will_retry"]) == (WORDS["stays-killed"], False)
    assert still == "Материал снят с публикации"
    assert newsroom.page(url).xpath("string(//h1)") == HEADLINE
    assert HEADLINE in newsroom.get("index.html")[2]
    with newsroom.database.connection() as connection:
        assert Stories(connection).standing(number(1))[1] is False
        row = connection.execute("SELECT killed_by, lifted_by FROM kill").fetchone()
    assert row == ("anna", "chief")


def test_an_unpublished_story_leaves_lists_and_comes_back_to_its_old_place(newsroom):
    newsroom.publish(1, headline="Первая")
    newsroom.publish(2, headline="Вторая")
    newsroom.publish(1, 2, "unpublish")
    without = newsroom.page("index.html").xpath("//h2//text()")

    newsroom.publish(1, 3, "publish", headline="Первая")

    assert without == ["Вторая"]
    assert newsroom.page("index.html").xpath("//h2//text()") == ["Вторая", "Первая"]


def test_a_story_that_was_never_out_cannot_be_unpublished(newsroom):
    newsroom.handle(order(1, 1, "unpublish"))

    [failed] = newsroom.facts("release.failed.v1")
    assert (failed["reason"], failed["will_retry"]) == (WORDS["never-out"], False)
    assert list(newsroom.press.bucket.list(f"{newsroom.settings.site_prefix}/")) == []


def test_another_slug_moves_the_page_and_leaves_a_redirect_while_partners_keep_the_name(newsroom):
    old = newsroom.publish(1)

    new = newsroom.publish(1, 2, "correct", slug="Автобусы в Актобе")

    fact = newsroom.facts()[-1]
    assert new == newsroom.url("2026/11/12/avtobusy-v-aktobe-00000001.html")
    assert fact["item"]["uri"] == old
    assert newsroom.page(old).xpath("//meta[@http-equiv='refresh']/@content") == [f"0; url={new}"]
    assert json.loads(newsroom.get(old.replace(".html", ".json"))[2])["renditions"][0]["href"] == new
    assert newsroom.page("index.html").xpath("//h2/a/@href") == [new]
    assert (
        newsroom.press.bucket.head(f"{newsroom.settings.site_prefix}{old.removeprefix(newsroom.url('')[:-1])}")[
            "Metadata"
        ]["status"]
        == "301"
    )


def test_a_corrected_headline_alone_leaves_the_address(newsroom):
    first = newsroom.publish(1)

    assert (
        newsroom.publish(1, 2, "correct", headline="Совсем другой заголовок", correction_note="Заголовок исправлен.")
        == first
    )
    assert newsroom.page(first).xpath("string(//p[@class='correction'])") == "Исправлено. Заголовок исправлен."


def test_a_photo_without_files_is_refused_with_what_to_do_and_nothing_is_written(newsroom):
    root = newsroom.press.bucket.url(f"{newsroom.settings.site_prefix}/media")

    newsroom.handle(order(1, images=(photo(1, root),), blocks=()))
    bare = photo(2)
    bare = bare.model_copy(
        update={"manifest": bare.manifest.model_copy(update={"renditions": bare.manifest.renditions[:1]})}
    )
    newsroom.handle(order(2, images=(bare,), blocks=()))

    missing, unready = newsroom.facts("release.failed.v1")
    assert (
        missing["reason"]
        == "Файлов фото «Подписание соглашения в Актобе» нет в хранилище: обработайте его заново или замените."
    )
    assert missing["faults"] == [{"code": "photo-lost", "values": {"photo": "Подписание соглашения в Актобе"}}]
    assert unready["reason"].startswith("У фото 1 (Подписание соглашения в Актобе) нет готовых размеров")
    assert list(newsroom.press.bucket.list(f"{newsroom.settings.site_prefix}/")) == []


def test_a_storage_that_is_down_is_told_to_the_desk_once_and_tried_again(newsroom, monkeypatch):
    put = newsroom.press.bucket.put

    def down(key, *args, **kwargs):
        if key.endswith(".json"):
            raise StorageDown("S3: connection refused")
        return put(key, *args, **kwargs)

    monkeypatch.setattr(
        type(newsroom.press.bucket), "put", lambda _self, key, *args, **kwargs: down(key, *args, **kwargs)
    )
    for _ in range(2):
        with pytest.raises(StorageDown):
            newsroom.handle(order())
    monkeypatch.undo()
    url = newsroom.publish()

    failed, published = newsroom.facts()
    assert failed["will_retry"] is True
    assert "connection refused" in failed["reason"]
    assert published["version"] == 1
    assert newsroom.get(url)[0] == 200


def test_facts_wait_while_lists_cannot_be_written(newsroom, monkeypatch):
    newsroom.handle(order())

    def down(*_args, **_kwargs):
        raise StorageDown("S3: connection refused")

    monkeypatch.setattr(type(newsroom.press.bucket), "put", down)
    with pytest.raises(StorageDown):
        newsroom.writer.run()
    told = newsroom.facts()
    monkeypatch.undo()
    newsroom.writer.run()

    assert told == []
    assert [one["version"] for one in newsroom.facts("story.published.v1")] == [1]
    with newsroom.database.connection() as connection:
        assert Announcements(connection).waiting() == []


def test_an_archive_page_that_could_not_be_written_is_written_by_the_next_run(newsroom, monkeypatch):
    newsroom.handle(*(order(value, headline=f"Новость {value}") for value in range(1, 61)))
    put = newsroom.press.bucket.put

    def fail_once(key, *args, **given):
        if key.endswith("/archive/1.html"):
            monkeypatch.undo()
            raise StorageDown("S3: connection refused")
        return put(key, *args, **given)

    monkeypatch.setattr(newsroom.press.bucket, "put", fail_once)
    with pytest.raises(StorageDown):
        newsroom.writer.run()

    newsroom.writer.run()

    assert newsroom.page("archive/1.html").xpath("//h2//text()") == [f"Новость {value}" for value in range(30, 0, -1)]


def test_better_renditions_reach_the_live_page_under_the_same_version(newsroom):
    url = newsroom.publish(1)
    better = ImageProcessed(story_id=number(1), image_id=number(1, 2), manifest=photo(1, version=2).manifest)

    for _ in range(2):
        take_better_renditions(better, newsroom.database.unit_of_work(), newsroom.press)
    newsroom.writer.run()

    assert "0001v2/w960.jpg" in newsroom.get(url)[2]
    assert "0001v2/4x3.jpg" in newsroom.get("rubric/politika.html")[2]
    assert len(newsroom.facts()) == 1
    newsroom.publish(1, 2, "correct", headline="Дальше")
    assert newsroom.page(url).xpath("string(//h1)") == "Дальше"


def test_hostile_words_stay_words_on_every_output(newsroom):
    headline = "«\u202eКонец</script><script>alert(1)</script> ]]> \"&'\x07"
    newsroom.publish(
        1,
        headline=headline,
        blocks=(Paragraph(html='<img src=x onerror=alert(1)><b>Слово</b> <a href="javascript:alert(1)">тут</a>'),),
        images=(photo(1, caption="<script>alert(2)</script>", credit_url="javascript:alert(3)"),),
        tags=(Tag(label=".."), Tag(label="C++"), Tag(label="C#")),
        rubrics=(Rubric(label="../../etc"),),
    )
    url = newsroom.facts()[-1]["url"]

    page = newsroom.page(url)

    clean = "«Конец</script><script>alert(1)</script> ]]> \"&'"
    assert page.xpath("string(//h1)") == clean
    assert page.xpath("//script/@type") == ["application/ld+json"]
    assert json.loads(page.xpath("//script")[0].text)["headline"] == clean
    assert [
        one for one in page.xpath("//@href | //@src | //@onerror") if one.startswith("javascript") or "alert(" in one
    ] == []
    assert page.xpath("string(//figcaption/span)") == "<script>alert(2)</script>"
    keys = list(newsroom.press.bucket.list(f"{newsroom.settings.site_prefix}/"))
    assert not [key for key in keys if ".." in key]
    assert len(set(page.xpath("//ul[@class='tags']//@href"))) == 3
    for path in ("rss.xml", "atom.xml", "dzen.xml", "yandex.xml"):
        assert "alert(1)" in newsroom.get(path)[2]
        assert "\u202e" not in newsroom.get(path)[2]


def test_a_story_that_no_site_takes_is_refused(build):
    newsroom = build(sites=({"key": "sport", "name": "Спорт", "prefix": "sport", "rubrics": ["Спорт"]},))

    newsroom.handle(order())

    assert newsroom.facts()[-1]["reason"] == WORDS["no-site"]


def test_two_sites_show_what_each_takes_and_a_correction_may_take_a_story_off_one(build):
    sites = (
        {"key": "a", "name": "Вестник", "prefix": "two-a"},
        {"key": "b", "name": "Sport", "prefix": "two-b", "language": "en", "rubrics": ["Спорт"]},
    )
    newsroom = build(sites=sites)
    sport = newsroom.press.editions[1].site
    newsroom.publish(1, rubrics=(Rubric(label="Спорт"),))
    path = "2026/11/12/delegatsiya-orenburzhya-vernulas-iz-aktobe-00000001.html"
    on_both = [HEADLINE in newsroom.get(site.address(path))[2] for site in (newsroom.press.editions[0].site, sport)]

    newsroom.publish(1, 2, "correct", rubrics=(Rubric(label="Политика"),))

    assert on_both == [True, True]
    assert newsroom.page(path).xpath("string(//h1)") == HEADLINE
    assert newsroom.page(sport.address(path)).xpath("string(//h1)") == "This story has been taken down"
    assert newsroom.page(sport.address("index.html")).xpath("//h2") == []


def test_what_was_just_released_stands_in_lists_as_if_it_were_read_back(newsroom):
    press = replace(newsroom.press, wake=lambda story: newsroom.writer.shelved.keep(story) if story else None)
    for one in (order(1), order(2), order(2, 2, "correct", headline="Исправленный заголовок")):
        carry_out(one, newsroom.database.unit_of_work(), press)
    paths = ("index.html", "rss.xml", "atom.xml", "feed.json", "dzen.xml", "yandex.xml", "search.json")

    newsroom.writer.run()

    handed_over = [newsroom.get(path)[2] for path in paths]
    newsroom.press.bucket.delete([f"{newsroom.settings.site_prefix}/{path}" for path in paths])
    with newsroom.database.unit_of_work() as uow:
        Lists(uow.connection).mark_all("main")
    ListWriter(newsroom.database, newsroom.press).run()
    assert [newsroom.get(path)[2] for path in paths] == handed_over
    assert "Исправленный заголовок" in handed_over[0]


def test_a_kill_is_told_though_the_storys_site_is_no_longer_in_the_settings(build):
    build(sites=({"key": "a", "name": "Вестник", "prefix": "gone-a"},)).publish(1)
    newsroom = build(sites=({"key": "b", "name": "Новости", "prefix": "gone-b"},))

    newsroom.publish(1, 2, "kill", reason="Ошибка")

    [killed] = newsroom.facts("story.killed.v1")
    assert (killed["version"], killed["item"]["pubStatus"]) == (2, "canceled")


def test_the_archive_is_not_written_again_by_later_releases(newsroom):
    newsroom.handle(
        *(
            order(
                value, minute=value, headline=f"Новость {value}", images=(), blocks=(), tags=(), authors=(), rubrics=()
            )
            for value in range(1, 62)
        )
    )
    newsroom.writer.run()
    key = f"{newsroom.settings.site_prefix}/archive/1.html"
    before = newsroom.press.bucket.head(key)
    front = newsroom.page("index.html")

    newsroom.publish(62, minute=62, headline="Новость 62", images=(), blocks=(), tags=(), authors=(), rubrics=())

    assert front.xpath("//h2//text()") == [f"Новость {value}" for value in range(61, 30, -1)]
    assert front.xpath("//a[@rel='next']/@href") == [newsroom.url("archive/1.html")]
    assert newsroom.page("archive/1.html").xpath("//h2//text()") == [f"Новость {value}" for value in range(30, 0, -1)]
    assert newsroom.press.bucket.head(key)["LastModified"] == before["LastModified"]
    newsroom.publish(5, 2, "kill", minute=5)
    assert newsroom.page("archive/1.html").xpath("//h2//text()") == [
        f"Новость {value}" for value in range(30, 0, -1) if value != 5
    ]


def test_a_hundred_releases_at_once_make_few_list_writes(newsroom, monkeypatch):
    newsroom.handle(*(order(value, images=(), blocks=(), tags=(), authors=()) for value in range(1, 31)))
    written = []
    put = newsroom.press.bucket.put
    monkeypatch.setattr(
        type(newsroom.press.bucket),
        "put",
        lambda _self, key, *args, **kwargs: (written.append(key), put(key, *args, **kwargs))[1],
    )

    newsroom.writer.run()

    assert len(newsroom.facts("story.published.v1")) == 30
    assert [key for key in written if key.endswith("index.html")] == [f"{newsroom.settings.site_prefix}/index.html"]


def test_the_day_of_first_publication_stays_and_the_correction_has_its_own(newsroom):
    newsroom.publish(1, minute=0)
    url = newsroom.publish(1, 2, "correct", minute=90)

    times = newsroom.page(url).xpath("//p[starts-with(@class,'meta dateline')]//time/@datetime")
    assert times == ["2026-11-12T14:10:01+05:00", "2026-11-12T15:40:02+05:00"]
    assert snapshot().headline == HEADLINE
    assert NOON.hour == 9


def test_two_first_orders_handled_at_once_write_to_one_address(newsroom, monkeypatch):
    write = releases._write
    first, second = order(1, 1), order(1, 2, "correct", headline="Совсем другой заголовок")

    def overtaken(*args, **kwargs):
        monkeypatch.setattr(releases, "_write", write)
        newsroom.handle(second)
        return write(*args, **kwargs)

    monkeypatch.setattr(releases, "_write", overtaken)
    newsroom.handle(first)
    newsroom.writer.run()

    pages = [
        key for key in newsroom.press.bucket.list(f"{newsroom.settings.site_prefix}/2026/") if key.endswith(".html")
    ]
    assert len(pages) == 1
    assert newsroom.page(newsroom.facts()[-1]["url"]).xpath("string(//h1)") == "Совсем другой заголовок"


def test_a_kill_that_comes_while_a_newer_page_is_written_still_wins(newsroom, monkeypatch):
    url = newsroom.publish(1)
    write = releases._write

    def overtaken(*args, **kwargs):
        monkeypatch.setattr(releases, "_write", write)
        newsroom.handle(order(1, 2, "kill", reason="Ошибка."))
        return write(*args, **kwargs)

    monkeypatch.setattr(releases, "_write", overtaken)
    with pytest.raises(releases.KilledMeanwhileError):
        newsroom.handle(order(1, 3, "correct", headline="Вернулась"))
    newsroom.handle(order(1, 3, "correct", headline="Вернулась"))
    newsroom.writer.run()

    assert newsroom.page(url).xpath("string(//h1)") == "Материал снят с публикации"
    assert [one["reason"] for one in newsroom.facts("release.failed.v1")] == [WORDS["stays-killed"]]
    assert "Вернулась" not in newsroom.get("index.html")[2]
