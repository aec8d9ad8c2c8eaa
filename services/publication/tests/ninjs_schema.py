"""What IPTC's ninjs 3.1 JSON Schema asks of the properties that we write, put down again by us for tests.

Source: IPTC, ninjs-schema_3.1.json (CC BY 4.0). Properties that we never write are left out, and nothing else is allowed: an item
that passes here has only names, types and values that the standard has.
"""

TEXT = {"type": "string"}
URI = {"type": "string", "pattern": r"^[a-z][a-z0-9+.-]*:\S+$"}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
WHOLE = {"type": "integer"}


def closed(required=(), **properties):
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def many(items):
    return {"type": "array", "items": items}


def worded(**more):
    return many(closed(["value"], role=TEXT, contentType=TEXT, value=TEXT, **more))


CONCEPT = closed(name=TEXT, rel=TEXT, uri=URI, literal=TEXT)
RENDITION = closed(
    ["name"], name=TEXT, href=URI, contentType=TEXT, title=TEXT, width=WHOLE, height=WHOLE, sizeInBytes=WHOLE
)
ITEM = {
    "uri": URI,
    "type": {"enum": ["text", "audio", "video", "picture", "graphic", "composite", "component", "event", "planning"]},
    "representationType": {"enum": ["full", "partial"]},
    "version": TEXT,
    "firstCreated": MOMENT,
    "versionCreated": MOMENT,
    "embargoedUntil": MOMENT,
    "pubStatus": {"enum": ["usable", "withheld", "canceled"]},
    "urgency": {"type": "integer", "minimum": 1, "maximum": 9},
    "copyrightHolder": TEXT,
    "copyrightNotice": TEXT,
    "edNote": TEXT,
    "language": TEXT,
    "title": TEXT,
    "by": TEXT,
    "slugline": TEXT,
    "headlines": worded(),
    "descriptions": worded(),
    "bodies": worded(charCount=WHOLE, wordCount=WHOLE),
    "people": many(CONCEPT),
    "organisations": many(CONCEPT),
    "places": many(CONCEPT),
    "events": many(CONCEPT),
    "subjects": many(CONCEPT),
    "infoSources": many(closed(name=TEXT, role=TEXT, uri=URI, literal=TEXT)),
    "altIds": many(closed(role=TEXT, value=TEXT)),
    "standard": closed(name={"const": "ninjs"}, version={"const": "3.1"}, schema=URI),
    "renditions": many(RENDITION),
}
ASSOCIATION = closed(["name", "uri"], **ITEM, rel=TEXT) | {}
ASSOCIATION["properties"] = {**ITEM, "name": TEXT, "rel": TEXT}
SCHEMA = closed(["uri"], **ITEM, associations=many(ASSOCIATION))
