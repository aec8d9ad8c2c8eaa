"""One small API on loopback, with the doors in front of it or without: `python _doors_process.py PORT with|without`, settings in the environment."""

import sys

import uvicorn

from chassis.database import Database
from chassis.doors import Policy
from chassis.settings import Settings
from chassis.web import create_app


def main(port: int, *, has_doors: bool) -> None:
    settings = Settings.from_environment()
    database = Database(settings.database_url, "desk")
    doors = Policy(settings, database, reads="desk:read", writes="desk:write") if has_doors else None
    app = create_app(service="bench", title="Bench", database=database, doors=doors)

    @app.post("/echo")
    def echo(number: int) -> int:
        return number

    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), has_doors=sys.argv[2] == "with")
