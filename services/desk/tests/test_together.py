"""Several people, and the source, at work on one story: nobody's words are lost, and everybody hears what concerns them."""

import pytest

from chassis.testing import recorded_events
from contracts.content import Paragraph
from desk.domain.query import Query
from desk.handlers import events, mail
from desk.store.monitor import Monitor
from desk.store.notices import Notices
from desk.store.stories import Stories

from . import desk_builders as make

pytestmark = pytest.mark.stack

STORY = f"/stories/{make.STORY}"


def story_of(database):
    with database.connection() as connection:
        return Stories(connection).get(make.STORY)


def test_whoever_saved_the_lede_has_not_thereby_seen_a_newer_headline(person, story, database):
    anna, boris = person("editor", "Анна Ким"), person("editor", "Борис Лавров")
    boris.patch(STORY, json={"headline": "Заголовок Бориса", "seen": {"headline": 1}})
    saved = anna.patch(STORY, json={"lede": "Лид Анны.", "seen": {"lede": 1}}).json()

    answer = anna.patch(STORY, json={"headline": "Заголовок Анны", "lede": "Ещё лид.", "seen": {"headline": 1, "lede": saved["revision"]}})  # fmt: skip

    assert answer.status_code == 409
    assert answer.json()["theirs"] == {"headline": "Заголовок Бориса"}
    assert (story_of(database).draft.headline, story_of(database).draft.lede) == ("Заголовок Бориса", "Лид Анны.")


@pytest.mark.parametrize("seen", [None, {}, {"lede": 1}, {"headline": "1"}, {"headline": True}, 7])
def test_a_save_that_does_not_say_what_it_has_seen_is_refused(person, story, database, seen):
    answer = person("editor").patch(STORY, json={"headline": "Без оглядки", "seen": seen})

    assert answer.status_code == 409
    assert answer.json()["errors"] == [{"pointer": "/seen", "detail": "must name a revision for each field"}]
    assert story_of(database).draft.headline == "Мост через Тую откроют в мае"


def test_a_change_of_one_detail_leaves_the_others_as_a_colleague_set_them(person, story, database):
    person("editor").post(f"{STORY}/details", data={"slug": "most"})
    person("editor").post(f"{STORY}/details", data={"urgency": "2"})
    person("editor").post(f"{STORY}/details", data={"authors": "Анна Ким, Борис Лавров"})

    draft = story_of(database).draft
    assert (draft.slug, draft.urgency, draft.authors) == ("most", 2, ("Анна Ким", "Борис Лавров"))


def test_an_open_page_is_told_the_text_and_the_revision_of_each_field(person, story):
    person("editor", "Борис Лавров").patch(STORY, json={"headline": "Новый", "seen": {"headline": 1}})

    document = person("editor").get(f"{STORY}/document").json()

    assert document["draft"]["headline"] == "Новый"
    assert document["seen"] == {"headline": 2, "lede": 1, "blocks": 1}
    assert document["edited_by"] == "Борис Лавров"


def test_a_note_tells_whom_it_names_and_nobody_else(person, story, database):
    anna, boris, eva = (person("editor", name) for name in ("Анна Ким", "Борис Лавров", "Борис Лавровский"))

    answer = anna.post(f"{STORY}/notes", data={"text": "@Борис Лавров, проверь <b>дату</b> у @Анна Ким"})

    assert answer.status_code == 200
    assert "@Борис Лавров, проверь &lt;b&gt;дату&lt;/b&gt;" in answer.text
    with database.connection() as connection:
        told = {one.person_id: Notices(connection).of(one.person_id) for one in (anna, boris, eva)}
    assert {key: [one.kind for one in notices] for key, notices in told.items()} == {
        anna.person_id: [],
        boris.person_id: ["mention"],
        eva.person_id: [],
    }
    assert told[boris.person_id][0].detail.startswith("Анна Ким: @Борис Лавров")


@pytest.mark.parametrize("text", ["", "   ", "я" * 4001])
def test_a_note_that_says_nothing_or_too_much_is_refused(person, story, text):
    answer = person("editor").post(f"{STORY}/notes", data={"text": text}, headers={"accept": "application/json"})

    assert answer.status_code in (400, 422)
    assert "note-text" not in person("editor").get(f"{STORY}/notes").text


def test_a_tag_that_was_thrown_out_is_not_shown_again_and_the_machine_hears_of_it(person, story, database):
    editor = person("editor")
    assert "data-dismiss" in editor.get(f"{STORY}/panel").text

    editor.post(f"{STORY}/tags", data={"label": "Мост", "dismiss": "true"})

    assert "data-dismiss" not in editor.get(f"{STORY}/panel").text
    editor.post(f"{STORY}/release", data={"action": "publish"})
    [review] = recorded_events(database, "story.tags_reviewed.v1")
    assert [tag["label"] for tag in review["removed"]] == ["Мост"]
    assert [tag["label"] for tag in review["kept"]] == ["Туя"]


def test_the_monitor_shows_who_has_a_story_open_and_is_told_when_they_come_and_go(person, story, database):
    anna = person("editor", "Анна Ким")

    def present_and_told():
        with database.connection() as connection:
            [row] = Monitor(connection).rows(Query())
            told = connection.execute("SELECT count(*) FROM change WHERE what = 'presence'").fetchone()[0]
        return row.present, told

    anna.get(STORY)
    anna.post(f"{STORY}/presence")
    assert present_and_told() == (["Анна Ким"], 1)
    anna.post(f"{STORY}/presence", data={"leaving": "true"})
    assert present_and_told() == ([], 2)


def test_the_board_has_the_columns_that_its_query_can_fill(person, story):
    editor = person("editor")

    def columns(address):
        return [part.split('"')[0] for part in editor.get(address).text.split('data-states="')[1:]]

    assert columns("/?layout=board") == ["received", "in_work", "ready publishing"]
    assert columns("/?layout=board&view=published") == ["published unpublished"]
    assert columns("/?layout=board&view=all&urgent=1") == [
        "received", "in_work", "ready publishing", "published unpublished", "spiked", "killed"
    ]  # fmt: skip


def test_a_search_is_cleared_though_the_last_view_is_remembered(person, story):
    editor = person("editor")

    page = editor.get("/?view=all&q=мост").text

    assert 'href="/?view=all">Сбросить</a>' in page


def test_what_waits_from_the_source_is_compared_with_what_it_said_before(person, story, database):
    editor = person("editor")
    editor.patch(STORY, json={"headline": "Наш заголовок", "seen": {"headline": 1}})
    for revision, words in ((2, "Движение по мосту откроют 14 мая."), (3, "Движение по мосту откроют 15 мая.")):
        told = make.content(blocks=(Paragraph(html=words), Paragraph(html="Работы завершены.")))
        events.open_story(make.received(revision=revision, content=told), database.unit_of_work())

    page = editor.get(f"{STORY}/source").text
    changes = page.split('class="changes"')[1].split("</section>\n  </section>")[0].split("<details")[0]
    assert "<del>12</del>" in changes
    assert "<ins>15</ins>" in changes
    assert "Наш заголовок" not in changes

    editor.post(f"{STORY}/source", data={"take": "false"})
    assert story_of(database).source_before is None
    assert 'class="changes"' not in editor.get(f"{STORY}/source").text


def test_stories_that_tell_the_same_are_a_click_away(person, story, database):
    twin = make.new_story_id()
    events.open_story(make.received(story_id=twin, external_id="18"), database.unit_of_work())
    again = make.received(revision=2, duplicate_of=(twin,), content=make.content(headline="Мост откроют раньше"))
    events.open_story(again, database.unit_of_work())

    panel = person("editor").get(f"{STORY}/panel").text

    assert f'<a href="/stories/{twin}">Мост через Тую откроют в мае</a>' in panel


def test_a_mention_is_mailed_to_whom_it_names_and_to_nobody_else(person, story, database):
    anna, boris = person("chief", "Анна Ким"), person("editor", "Борис Лавров")
    anna.post(f"{STORY}/notes", data={"text": "@Борис Лавров, проверь дату"})
    sent = []

    mail.send_mail(database, sent.append, "desk@example.org", "http://desk")

    assert [(one["Subject"], one["Bcc"]) for one in sent] == [
        ("Вас упомянули: Мост через Тую откроют в мае", f"{boris.person_id}@example.org")
    ]
