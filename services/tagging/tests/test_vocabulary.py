"""The vocabulary in the database and through the API: ids stay, changes are checked as a whole, texts follow at once."""

from datetime import date
from itertools import product

import pytest

from tagging.bootstrap import seeded
from tagging.domain.editing import BadVocabularyError, check, merged, renamed
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.tables import BadTableError, read_csv, read_skos, write_csv, write_skos
from tagging.domain.vocabulary import Alias, Concept, Vocabulary
from tagging.handlers.vocabulary import seed
from tagging.library import Library
from tagging.shipped import shipped, shipped_concepts
from tagging.store.vocabulary import Concepts

stack = pytest.mark.stack


@pytest.fixture
def store(database):
    seeded(database)()
    with database.connection() as connection:
        yield Concepts(connection)


def library(database):
    return Library(database, lambda _: [], "RU")


def found(open_library, text):
    tools, _ = open_library.current()
    return [tools.vocabulary.by_id[one.concept_id].label for one in tools.gazetteer.find(text)]


@stack
def test_what_is_shipped_comes_back_from_the_database_as_it_was(store):
    assert store.all() == shipped().by_id


@stack
def test_a_new_release_brings_its_concepts_and_leaves_what_the_newsroom_changed(store, api, database):
    api.post("/concepts/city-orsk/rename", json={"label": "город Орск"})
    newer = [
        *(one for one in shipped_concepts() if one.concept_id != "office-akim"),
        Concept("office-akim", "office", "аким (новый)"),
        Concept("city-new", "place", "Новоград"),
    ]

    assert seed(newer, "next", database.unit_of_work())
    assert not seed(newer, "next", database.unit_of_work())

    assert [store.get(one).label for one in ("city-orsk", "office-akim", "city-new")] == [
        "город Орск",
        "аким (новый)",
        "Новоград",
    ]


@stack
def test_an_editor_who_types_the_beginning_of_a_name_sees_what_may_be_meant(api):
    answer = api.get("/concepts", params={"q": "оренбургск"}).json()
    assert (answer[0]["concept_id"], answer[0]["label"], answer[0]["broader"]) == (
        "ru-ore",
        "Оренбургская область",
        "Россия",
    )

    by_alias = api.get("/concepts", params={"q": "оренбуржье"}).json()[0]
    assert (by_alias["label"], by_alias["matched"]) == ("Оренбургская область", "Оренбуржье")
    inner = api.get("/concepts", params={"q": "илецк", "kind": "place"}).json()
    assert "Соль-Илецк" in [one["label"] for one in inner]
    assert api.get("/concepts", params={"q": "%"}).json() == []
    assert api.get("/concepts", params={"q": ""}).status_code == 422


@stack
def test_a_concept_is_made_found_renamed_suppressed_and_restored(api, database):
    open_library = library(database)
    assert found(open_library, "У Сакмарского вала") == []

    made = api.post("/concepts", json={"kind": "place", "label": "Сакмарский вал", "broader": "ru-ore"}).json()
    open_library.current()
    open_library.wait()
    assert found(open_library, "У Сакмарского вала") == ["Сакмарский вал"]

    concept_id = made["concept_id"]
    answer = api.post(f"/concepts/{concept_id}/rename", json={"label": "Сакмарский бульвар"}).json()
    assert (answer["label"], [one["text"] for one in answer["aliases"]]) == ("Сакмарский бульвар", ["Сакмарский вал"])
    assert api.post(f"/concepts/{concept_id}/suppress").json()["status"] == "suppressed"
    open_library.current()
    open_library.wait()
    assert found(open_library, "У Сакмарского вала") == []
    assert api.post(f"/concepts/{concept_id}/restore").json()["status"] == "active"
    lines = api.get(f"/concepts/{concept_id}/audit").json()
    assert [one["action"] for one in lines] == ["restore", "suppress", "rename", "create"]
    assert lines[2]["detail"]["label"] == ["Сакмарский вал", "Сакмарский бульвар"]


@stack
def test_a_merged_concept_leads_to_the_one_that_stays(api, database):
    api.post(
        "/concepts", json={"concept_id": "org-a", "kind": "organisation", "label": "Орский завод", "broader": "RU"}
    )
    api.post("/concepts", json={"concept_id": "org-b", "kind": "organisation", "label": "Завод «Прогресс»"})

    stays = api.post("/concepts/org-a/merge", json={"into": "org-b"}).json()

    assert (stays["concept_id"], [one["text"] for one in stays["aliases"]]) == ("org-b", ["Орский завод"])
    gone = api.get("/concepts/org-a").json()
    assert (gone["status"], gone["merged_into"]) == ("merged", "org-b")
    assert found(library(database), "Рабочие Орского завода") == ["Завод «Прогресс»"]
    assert api.post("/concepts/org-a/suppress").status_code == 422
    assert api.post("/concepts/org-b/merge", json={"into": "org-b"}).status_code == 422
    assert api.post("/concepts/org-b/merge", json={"into": "ru-ore"}).status_code == 422


@stack
@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"broader": "ru-atlantis"}, "broader: 'ru-atlantis' is no concept's id"),
        ({"broader": "own-1"}, "leads back to the concept itself"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "is before valid_from"),
        ({"label": "…"}, "with a letter or a digit"),
        ({"wikidata": "42"}, "wikidata"),
        ({"kind": "planet"}, "kind"),
    ],
)
def test_a_change_that_would_break_the_vocabulary_is_refused_and_nothing_changes(api, store, form, said):
    before = store.version()

    answer = api.post("/concepts", json={"concept_id": "own-1", "kind": "place", "label": "Место", **form})

    assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert store.version() == before
    assert store.get("own-1") is None


@stack
@pytest.mark.parametrize("table", ["csv", "skos"])
def test_what_is_exported_can_be_imported_and_changes_nothing(api, store, table):
    text = api.get("/vocabulary/export", params={"format": table}).content

    answer = api.post(f"/vocabulary/import?format={table}", content=text, headers={"content-type": "text/plain"})

    assert answer.json() == {"added": 0, "changed": 0, "unchanged": len(shipped_concepts()), "is_dry_run": False}
    assert store.all() == shipped().by_id


@stack
def test_an_import_adds_and_replaces_or_does_nothing_at_all(api, store):
    good = "id,kind,label,aliases,broader\nown-1,place,Первое,,own-2\nown-2,place,Второе,Вторичка;?Два,ru-ore\ncity-orsk,place,Орск,,\n"
    send = {"headers": {"content-type": "text/plain"}}
    before = store.version()

    dry = api.post("/vocabulary/import?dry_run=true", content=good.encode(), **send).json()
    assert (dry["added"], dry["changed"], store.version()) == (2, 1, before)
    done = api.post("/vocabulary/import", content=good.encode(), **send).json()
    assert (done["added"], done["changed"], store.version()) == (2, 1, before + 1)
    assert store.get("own-2").aliases == (Alias("Вторичка"), Alias("Два", needs_context=True))

    for bad, said in [
        (good.replace("own-2,place", "own-2,town"), "row 3, column kind: 'town'; allowed are"),
        (good.replace("ru-ore", "nowhere"), "broader: 'nowhere'"),
        ("id,label\n1,x\n", "columns kind: missing"),
        (good + "own-1,place,Опять,,\n", "id 'own-1': stands twice"),
    ]:
        answer = api.post("/vocabulary/import", content=bad.encode(), **send)
        assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert api.post("/vocabulary/import", content="имя".encode("cp1251"), **send).status_code == 422
    assert store.version() == before + 1


@stack
def test_the_vocabulary_is_read_page_by_page(api):
    first = api.get("/vocabulary", params={"kind": "office", "limit": 60}).json()
    second = api.get("/vocabulary", params={"kind": "office", "limit": 60, "after": first[-1]["concept_id"]}).json()

    ids = [one["concept_id"] for one in (*first, *second)]
    assert ids == sorted(one.concept_id for one in shipped_concepts() if one.kind == "office")


@stack
def test_suggestions_follow_the_vocabulary_of_the_database(api):
    text = {"headline": "На Сакмарском валу открыли парк", "body": "Сакмарский вал ждали. Сакмарский вал открыт."}
    before = api.post("/suggestions", json=text).json()
    api.post("/concepts", json={"kind": "place", "label": "Сакмарский вал", "broader": "ru-ore"})

    for _ in range(200):  # built in the background
        after = api.post("/suggestions", json=text).json()
        if after["vocabulary_version"] != before["vocabulary_version"]:
            break

    assert "Сакмарский вал" in [one["tag"]["label"] for one in after["tags"]]
    assert {"Оренбургская область"} <= {one["rubric"]["label"] for one in after["rubrics"]}


@stack
def test_an_editor_can_read_and_replace_the_rubric_rules(api):
    shipped_rules = api.get("/rubric-rules").json()
    own = [{"rubric": "Степь", "when": "concept", "concepts": ["city-orsk"], "boost": 0.3, "reason": "город: {label}"}]

    assert shipped_rules[0]["rubric"] == "За рубежом"
    assert api.put("/rubric-rules", json=own).status_code == 200
    answer = api.post("/suggestions", json={"headline": "В Орске праздник", "lede": "Орск отметил день города."}).json()
    assert [(one["rubric"]["label"], one["reason"]) for one in answer["rubrics"]] == [("Степь", "город: Орск")]
    wrong = api.put("/rubric-rules", json=[{**own[0], "concepts": ["city-atlantis"]}])
    assert (wrong.status_code, "city-atlantis" in wrong.text) == (422, True)
    assert api.delete("/rubric-rules").json() == shipped_rules


@stack
def test_twenty_thousand_concepts_are_imported_and_swapped_in_while_the_old_ones_serve(api, database):
    seeded(database)()
    open_library = library(database)
    before = open_library.current()[1].vocabulary
    letters = "абвгдежзиклмнопрстуфхц"
    words = ["".join(word) for word in product(letters, repeat=4)][:16_300]
    rows = "\n".join(f"own-{word},organisation,Завод «{word.title()}»" for word in words)

    done = api.post(
        "/vocabulary/import", content=f"id,kind,label\n{rows}\n".encode(), headers={"content-type": "text/plain"}
    )
    assert done.json()["added"] == 16_300
    assert open_library.current()[1].vocabulary == before
    open_library.wait()
    tools, versions = open_library.current()

    assert versions.vocabulary == before + 1
    assert len(tools.vocabulary.by_id) > 20_000
    assert [one.concept_id for one in tools.gazetteer.find(f"Рабочие завода «{words[-1].title()}»")] == [
        f"own-{words[-1]}"
    ]


def test_tables_and_skos_say_the_same():
    concepts = [
        Concept(
            "p-1",
            "person",
            "Иван Ким",
            "Ivan Kim",
            "Иван Ким",
            (Alias("Кимыч", is_exact=True), Alias("Vanya", "en", needs_context=True)),
            "org-1",
            "Q1",
            "medtop:20000001",
            date(2020, 1, 1),
            date(2026, 1, 1),
            label_needs_context=True,
        ),
        Concept("org-1", "organisation", "Ким и <Ко>", status="merged", merged_into="org-2"),
        Concept("org-2", "organisation", "Ким"),
    ]

    assert read_csv(write_csv(concepts)) == concepts
    assert read_skos(write_skos(concepts)) == concepts


def test_a_skos_file_with_entities_is_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&a;</rdf:RDF>'

    with pytest.raises(BadTableError):
        read_skos(bomb)


def test_a_person_that_is_valid_for_a_time_is_found_only_then():
    concept = Concept("p-1", "organisation", "Старый завод", valid_from=date(2000, 1, 1), valid_to=date(2010, 1, 1))
    gazetteer = Gazetteer(Vocabulary([concept], "1"))

    days = [date(1999, 12, 31), date(2000, 1, 1), date(2010, 1, 1), date(2010, 1, 2)]
    assert [len(gazetteer.find("У Старого завода", day=day)) for day in days] == [0, 1, 1, 0]


def test_what_was_merged_before_follows_to_the_end():
    everything = {
        "a": Concept("a", "place", "А", status="merged", merged_into="b"),
        "b": Concept("b", "place", "Б"),
        "c": Concept("c", "place", "В"),
        "d": Concept("d", "place", "Г", broader="b"),
    }

    changed = {one.concept_id: one for one in merged(everything["b"], everything["c"], everything)}

    assert {key: (one.merged_into, one.broader) for key, one in changed.items()} == {
        "b": ("c", None),
        "c": (None, None),
        "a": ("c", None),
        "d": (None, "c"),
    }
    check(changed.values(), {**everything, **changed})


def test_a_ring_of_broader_concepts_is_refused():
    ring = {"a": Concept("a", "place", "А", broader="b"), "b": Concept("b", "place", "Б", broader="a")}

    with pytest.raises(BadVocabularyError, match="leads back"):
        check(ring.values(), ring)


def test_renaming_to_an_alias_swaps_the_two():
    concept = Concept("a", "place", "Ленинград", aliases=(Alias("Петербург"),))

    assert renamed(concept, "Петербург") == Concept("a", "place", "Петербург", aliases=(Alias("Ленинград"),))
