"""Models as jsonb documents."""

from psycopg.types.json import Jsonb
from pydantic import BaseModel


def as_jsonb(model: BaseModel) -> Jsonb:
    """As pydantic writes it, which takes a fifth of the time of a dict and json.dumps."""
    return Jsonb(model, dumps=BaseModel.model_dump_json)
