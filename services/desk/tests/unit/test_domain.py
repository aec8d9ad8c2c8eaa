"""What the desk decides, without any engine."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.content import Box, ImageBlock, Paragraph, Provenance, Rubric, RubricProposal, Tag, UsageRights
from desk.domain.changes import PATIENCE_S, Tail
from desk.domain.choice import choose_rubrics, choose_tags, merge, review_tags
from desk.domain.cleaning import clean_draft, clean_html
from desk.domain.diff import diff_words
from desk.domain.draft import Draft, conflicting_fields, draft_of
from desk.domain.history import fold_versions
from desk.domain.mentions import people_in
from desk.domain.photos import ImageFact
from desk.domain.preflight import Situation, cuts_face, find_problems
from desk.domain.query import Query, parse_query, to_address
from desk.domain.release import build_snapshot
from desk.domain.routing import Incoming, Rule, first_fitting
from desk.domain.workflow import RIGHTS, STATES, STEPS, ReleaseMark, may, next_state, state_after_releases
from desk.store.work import Version

from .. import desk_builders as make


def draft(**changes):
    return draft_of(make.content(), 5).model_copy(update=changes)


# Workflow


@pytest.mark.parametrize(
    ("state", "step", "result"),
    [
        ("received", "publish", "publishing"),
        ("received", "kill", None),
        ("published", "publish", None),
        ("published", "correct", "published"),
        ("published", "kill", "killed"),
        ("killed", "correct", None),
        ("killed", "revive", "publishing"),
        ("spiked", "publish", None),
        ("unpublished", "publish", "publishing"),
    ],
)
def test_a_step_leads_where_the_table_says(state, step, result):
    assert next_state(state, step) == result


def test_every_step_starts_and_ends_in_a_state_that_exists():
    assert all(sources <= set(STATES) and target in STATES for sources, target in STEPS.values())
    assert may("chief", "kill")
    assert not any(may(role, "kill") for role in RIGHTS if role != "chief")


@pytest.mark.parametrize(
    ("marks", "state"),
    [
        ([ReleaseMark(1, "publish", "ordered")], "publishing"),
        ([ReleaseMark(1, "publish", "live")], "published"),
        ([ReleaseMark(1, "publish", "failed")], "ready"),
        ([ReleaseMark(1, "publish", "live"), ReleaseMark(2, "correct", "ordered")], "published"),
        ([ReleaseMark(1, "publish", "live"), ReleaseMark(2, "correct", "failed")], "published"),
        ([ReleaseMark(1, "publish", "live"), ReleaseMark(2, "unpublish", "ordered")], "published"),
        ([ReleaseMark(1, "publish", "live"), ReleaseMark(2, "unpublish", "live")], "unpublished"),
        ([ReleaseMark(1, "publish", "live"), ReleaseMark(2, "kill", "ordered")], "killed"),
        ([ReleaseMark(1, "publish", "ordered"), ReleaseMark(2, "kill", "live")], "killed"),
    ],
)
def test_the_newest_release_decides_the_state_in_any_order(marks, state):
    assert {state_after_releases("publishing", order) for order in permutations(marks)} == {state}


# Text


def test_only_a_field_that_somebody_else_changed_to_another_value_is_a_conflict():
    old, new = draft(headline="A", lede="B"), draft(headline="X", lede="Y")

    assert conflicting_fields({"headline", "lede"}, old, new, {"headline": 4, "lede": 2}, 3) == {"headline"}
    assert conflicting_fields({"headline"}, old, old, {"headline": 4}, 3) == frozenset()


def test_pasted_markup_is_cleaned_and_empty_blocks_vanish():
    dirty = draft(
        blocks=(
            Paragraph(html='<p onclick="x()">Да<script>x</script> <a href="javascript:x">тут</a></p>'),
            Paragraph(html="<br> "),
        )
    )

    assert [block.html for block in clean_draft(dirty).blocks] == ["Да <a>тут</a>"]


def test_cleaning_what_is_clean_changes_nothing():
    html = 'Да, <b>мост</b> &amp; <a href="https://example.org/?a=1&amp;b=2">река</a>'

    assert clean_html(clean_html(html)) == clean_html(html)


@given(st.text("абв .,\n", max_size=60), st.text("абв .,\n", max_size=60))
def test_a_diff_gives_both_texts_back(old, new):
    pieces = diff_words(old, new)

    assert "".join(piece.text for piece in pieces if piece.kind != "new") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == new


def test_a_diff_names_words_and_not_letters():
    pieces = diff_words("Мост откроют в мае", "Мост откроют 12 мая")

    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("same", "Мост откроют "),
        ("gone", "в мае"),
        ("new", "12 мая"),
    ]


def test_a_run_of_autosaves_is_one_line():
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)
    saves = [
        Version(5, at, "Анна", "edit"),
        Version(4, at - timedelta(minutes=2), "Анна", "edit"),
        Version(3, at - timedelta(minutes=3), "Борис", "edit"),
        Version(2, at - timedelta(minutes=60), "Борис", "edit"),
        Version(1, at - timedelta(minutes=61), "Управа", "source"),
    ]

    assert [(fold.revision, fold.first, fold.count) for fold in fold_versions(saves)] == [
        (5, 4, 2),
        (3, 3, 1),
        (2, 2, 1),
        (1, 1, 1),
    ]


# Tags


def test_what_the_source_filed_and_what_is_sure_is_worn():
    proposals = (make.proposal("Туя"), make.proposal("Мост", "suggest"), make.proposal("Вода", "hide"))

    assert [tag.label for tag in choose_tags(("ремонт", "ТУЯ"), proposals)] == ["ремонт", "Туя"]


@pytest.mark.parametrize(
    ("filed", "worn"),
    [
        ((), ["Политика", "Общество"]),
        (("Новости дня",), ["Новости дня", "Политика", "Общество"]),
        (("политика",), ["Политика"]),
        (("Спорт", "Культура"), ["Спорт", "Культура"]),
    ],
)
def test_a_source_that_files_a_story_under_our_rubrics_is_believed(filed, worn):
    bands = (("Политика", "auto"), ("Общество", "auto"), ("Культура", "suggest"))
    proposals = [
        RubricProposal(
            rubric=Rubric(label=label, concept_id=f"rubric-{label}"), confidence=0.9, band=band, reason="тема"
        )
        for label, band in bands
    ]
    assert [rubric.label for rubric in choose_rubrics(filed, proposals)] == worn


def test_of_two_labels_with_one_key_the_known_one_stays():
    assert merge((Rubric(label="Общество"),), (Rubric(label="общество", concept_id="r:9"),)) == (
        Rubric(label="общество", concept_id="r:9"),
    )


def test_a_review_counts_only_what_was_seen():
    proposals = (make.proposal("Туя"), make.proposal("Мост", "suggest"), make.proposal("Вода", "hide"))

    review = review_tags(proposals, (Tag(label="Мост"), Tag(label="паром")))

    assert [tag.label for tag in review.kept] == ["Мост"]
    assert [tag.label for tag in review.removed] == ["Туя"]
    assert [tag.label for tag in review.added] == ["паром"]


# Pre-flight and release


def situation(**changes):
    ready = {make.image().image_id: ImageFact(make.image().image_id, make.manifest())}
    return Situation(**{"draft": draft(tags=(Tag(label="Туя"),)), "images": ready, **changes})


def codes(found):
    return [(one.code, one.level) for one in found]


def test_a_story_in_order_has_no_findings():
    assert find_problems(situation(), {}) == []


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"rubrics": ()}, ("rubric_missing", "block")),
        ({"blocks": ()}, ("text_missing", "block")),
        ({"images": (make.image(credit=""),)}, ("credit_missing", "block")),
        ({"images": (make.image(alt_text=""),)}, ("alt_missing", "warn")),
        ({"images": (make.image(alt_text="Мост"),)}, ("alt_short", "warn")),
        ({"images": (make.image(alt_text="«Мост через Тую»."),)}, ("alt_same", "warn")),
        ({"headline": "Слово " * 20}, ("headline_long", "warn")),
        ({"headline": "Мост открыли."}, ("headline_stop", "warn")),
        ({"tags": ()}, ("tags_missing", "warn")),
    ],
)
def test_what_is_missing_is_found(changes, finding):
    assert codes(find_problems(situation(draft=draft(tags=(Tag(label="Туя"),)).model_copy(update=changes)), {})) == [
        finding
    ]


def test_ops_decide_what_stops_and_what_is_not_looked_for():
    found = find_problems(
        situation(draft=draft(tags=(), rubrics=())), {"tags_missing": "block", "rubric_missing": "off"}
    )

    assert codes(found) == [("tags_missing", "block")]


def test_a_photo_that_is_being_made_stops_and_a_refused_one_warns():
    image_id = make.image().image_id

    waiting = find_problems(situation(images={}), {})
    refused = find_problems(situation(images={image_id: ImageFact(image_id, None, "damaged", "no end")}), {})

    assert codes(waiting) == [("image_waiting", "block")]
    assert codes(refused) == [("image_rejected", "warn")]
    assert refused[0].about == "damaged"


def test_a_footnote_term_is_found_in_any_form_that_begins_like_it():
    assert codes(find_problems(situation(), {}, ["движени"])) == [("footnote_term", "warn")]


@pytest.mark.parametrize(
    ("face", "is_cut"),
    [
        (Box(x=0.4, y=0.4, width=0.1, height=0.1), False),
        (Box(x=0.4, y=0.05, width=0.1, height=0.1), True),
        (Box(x=0.4, y=0, width=0.1, height=0.05), False),
    ],
)
def test_a_crop_cuts_a_face_that_its_edge_goes_through(face, is_cut):
    assert cuts_face(Box(x=0, y=0.1, width=1, height=0.8), face) is is_cut


def test_a_photo_without_renditions_stays_behind_and_the_next_one_leads():
    first, second = make.image(1), make.image(2)
    whole = draft(
        images=(first, second),
        lead_image_id=first.image_id,
        blocks=(Paragraph(html="Да"), ImageBlock(image_id=first.image_id)),
    )

    snapshot = build_snapshot(whole, {second.image_id: make.manifest()}, make.SOURCE)

    assert [image.image_id for image in snapshot.images] == [second.image_id]
    assert snapshot.lead_image_id == second.image_id
    assert snapshot.blocks == (Paragraph(html="Да"),)


# Routing, addresses, changes


def test_the_first_rule_that_fits_decides():
    rules = [
        Rule(rule_id=uuid4(), name="off", is_on=False, outcome="spike"),
        Rule(rule_id=uuid4(), name="flood", source_id="telegram:*", words=("паводок",), outcome="ready"),
        Rule(rule_id=uuid4(), name="rest", outcome="stay"),
    ]

    assert first_fitting(rules, Incoming(source_id="telegram:mchs", text="Паводок на Туе", urgency=5)).name == "flood"
    assert first_fitting(rules, Incoming(source_id="mail:mchs", text="Паводок на Туе", urgency=5)).name == "rest"


@given(
    st.builds(
        Query,
        view=st.sampled_from(["open", "ready", "all"]),
        text=st.text("мост ", max_size=9).map(str.strip),
        urgent=st.booleans(),
        layout=st.sampled_from(["list", "board"]),
    )
)
def test_a_query_survives_its_address(query):
    from urllib.parse import parse_qsl  # noqa: PLC0415

    assert parse_query(dict(parse_qsl(to_address(query)))) == query


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 4), min_size=12, max_size=12))
def test_no_change_is_missed_or_told_twice_whatever_order_transactions_commit_in(order, sizes):
    tail, there, told = Tail(0), set(), []
    rest = list(order)
    while rest:
        there |= {rest.pop(0) for _ in range(min(sizes[len(rest) % 12], len(rest)))}
        told += tail.take((number for number in there if number > tail.safe_id), now_s=0)
        assert set(range(1, tail.safe_id + 1)) <= set(told)

    assert sorted(told) == list(range(1, 12))


def test_a_number_that_never_comes_is_given_up():
    tail = Tail(0)

    tail.take([1, 3], now_s=0)
    before = tail.safe_id
    tail.take([4], now_s=PATIENCE_S + 1)

    assert (before, tail.safe_id) == (1, 4)


def test_a_draft_refuses_what_breaks_its_limits():
    with pytest.raises(ValueError, match="urgency"):
        Draft(headline="Да", urgency=10)


# Mentions


def test_the_longest_name_after_an_at_is_meant():
    anna, annabel, boris = uuid4(), uuid4(), uuid4()
    names = {anna: "Анна", annabel: "Анна Ким", boris: "Борис"}

    assert people_in("@анна ким и @Борисович", names) == {annabel}
    assert people_in("@Анна, @Борис!", names) == {anna, boris}
    assert people_in("пишите на anna@example.org", names) == set()


# Rights


def with_manifest(**changes):
    image = make.image()
    fact = ImageFact(image.image_id, make.manifest(**changes))
    return Situation(
        draft=draft(rubrics=(Rubric(label="Общество"),)),
        images={image.image_id: fact},
        now=datetime(2026, 5, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"rights": UsageRights(until=datetime(2026, 4, 30, tzinfo=UTC))}, [("rights_ended", "block", "2026-04-30")]),
        ({"rights": UsageRights(until=datetime(2026, 5, 2, tzinfo=UTC))}, []),
        (
            {"rights": UsageRights(holder="Агентство «Юг»", countries=("RU", "KZ"))},
            [("rights_elsewhere", "warn", "RU, KZ")],
        ),
        ({"provenance": Provenance(claim_generator="painter", made_by_ai=True)}, [("made_by_ai", "warn", "painter")]),
        ({"provenance": Provenance(claim_generator="camera")}, []),
    ],
)
def test_what_a_file_says_of_its_rights_and_its_making_is_told_before_a_release(changes, found):
    told = [(one.code, one.level, one.about) for one in find_problems(with_manifest(**changes), {})]

    assert [one for one in told if one[0] in ("rights_ended", "rights_elsewhere", "made_by_ai")] == found


def test_a_description_in_the_file_serves_where_nobody_wrote_one():
    image = make.image(alt_text="")
    manifest = make.manifest(alt_text="Мост в тумане")
    story = draft(images=(image,))
    situation = Situation(draft=story, images={image.image_id: ImageFact(image.image_id, manifest)})

    assert "alt_missing" not in {one.code for one in find_problems(situation, {})}
    assert build_snapshot(story, {image.image_id: manifest}, None).images[0].alt_text == "Мост в тумане"
