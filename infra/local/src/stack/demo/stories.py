"""Stories written for this project: three in the form that ingestion takes, one as a governor's press office posts it in Telegram.

All persons but the offices they hold are made up.
"""

from dataclasses import dataclass
from typing import Any

from stack.telegram.channel import entity


@dataclass(frozen=True)
class Photo:
    """A picture to be made: scene and seed, and the line that goes under it."""

    name: str
    scene: str
    seed: int
    line: str
    alt: str
    orientation: int = 1


@dataclass(frozen=True)
class DemoStory:
    form: dict[str, Any]
    photos: tuple[Photo, ...]

    @property
    def headline(self) -> str:
        return str(self.form["headline"])


@dataclass(frozen=True)
class ChannelPost:
    """A post with an album. `marks`: what of the text is marked how, as entities of the Bot API."""

    channel: str
    title: str
    credit: str
    text: str
    marks: tuple[tuple[str, str, dict[str, str]], ...]
    photos: tuple[Photo, ...]

    @property
    def headline(self) -> str:
        return self.marks[1][0]

    @property
    def entities(self) -> list[dict[str, Any]]:
        return [entity(self.text, shown, kind, **more) for shown, kind, more in self.marks]


GOVERNOR_CHANNEL = "telegram-канал Евгения Солнцева / t.me/solntsev_official"


def _p(text: str) -> dict[str, Any]:
    return {"kind": "paragraph", "html": text}


def _image(place: int) -> dict[str, Any]:
    return {"kind": "image", "image": place}


DELEGATION = DemoStory(
    {
        "source": {
            "source_id": "telegram:solntsev",
            "name": "Telegram-канал Евгения Солнцева",
            "kind": "telegram",
            "url": "https://t.me/solntsev_official",
        },
        "external_id": "1204",
        "headline": "Евгений Солнцев договорился в Казахстане о новых автобусных рейсах",
        "lede": "Делегация Оренбургской области побывала в Актобе. Губернатор рассказал, какие маршруты откроются весной и что изменится на границе.",
        "body": [
            _p(
                'Делегация Оренбуржья вернулась из Актюбинской области Казахстана. О результатах поездки Евгений Солнцев написал в своём <a href="https://t.me/solntsev_official">telegram-канале</a>.'
            ),
            {
                "kind": "quote",
                "html": "С соседями нас связывают не только дороги, но и семьи. Поэтому первым делом говорили о том, как людям быстрее и дешевле добираться друг к другу.",
                "attribution": "Евгений Солнцев, губернатор Оренбургской области",
            },
            _p(
                "Стороны условились открыть весной два автобусных рейса: из Оренбурга в Актобе и из Орска в Хромтау. Билеты, по словам губернатора, будут стоить не дороже 2,5 тыс. рублей."
            ),
            _image(1),
            {"kind": "heading", "text": "Что изменится на границе"},
            _p(
                "На пункте пропуска «Сагарчин» появится отдельная полоса для автобусов. Сейчас проверка занимает до трёх часов, после перестройки её рассчитывают пройти за сорок минут."
            ),
            {
                "kind": "list",
                "items": [
                    "рейс Оренбург — Актобе: дважды в день",
                    "рейс Орск — Хромтау: по выходным",
                    "общее расписание на двух языках",
                ],
            },
            _p(
                "Отдельно Солнцев и аким Актюбинской области обсудили торговлю. За девять месяцев товарооборот вырос на 12 %, больше всего Казахстан покупает у оренбургских предприятий трубы и муку."
            ),
            _image(2),
            _p(
                "Ответный визит запланирован на апрель: делегацию из Казахстана пригласили на весеннюю ярмарку в Оренбург."
            ),
        ],
        "rubrics": ["Политика", "За рубежом", "Оренбургская область"],
        "tags": ["Евгений Солнцев", "губернатор", "Оренбургская область", "Казахстан"],
        "authors": ["Анна Орлова"],
        "urgency": 4,
    },
    (
        Photo(
            "peregovory.jpg",
            "hall",
            11,
            f"Переговоры прошли в здании областного акимата | Фото: {GOVERNOR_CHANNEL}",
            "Двое мужчин за столом, за ними флаги России и Казахстана",
        ),
        Photo(
            "step.jpg",
            "steppe",
            12,
            f"Дорога к пункту пропуска «Сагарчин» идёт через степь | Фото: {GOVERNOR_CHANNEL}",
            "Дорога через жёлтую степь, на горизонте холмы",
        ),
        Photo(
            "aktobe.jpg",
            "town",
            13,
            "Актобе вечером (2026)|Фото: пресс-служба правительства Оренбургской области / https://orenburg-gov.example",
            "Вечерний город с освещёнными окнами",
            6,
        ),
    ),
)

FLOOD = DemoStory(
    {
        "source": {
            "source_id": "telegram:orsk_today",
            "name": "Telegram-канал администрации Орска",
            "kind": "telegram",
            "url": "https://t.me/orsk_today",
        },
        "external_id": "877",
        "headline": "Орск достроит береговую дамбу до паводка",
        "lede": "Последние 600 метров насыпи закончат к марту. Мэр города рассказал, сколько домов она закроет и где ещё поднимут берег.",
        "body": [
            _p(
                "В Орске началась последняя очередь работ на дамбе вдоль Урала. Из 4,2 километра насыпи готовы 3,6, осталось соединить два участка у Старого города."
            ),
            {
                "kind": "quote",
                "html": "Мы обещали жителям встретить половодье за дамбой, а не за мешками с песком. Техника работает в две смены.",
                "attribution": "Мэр Орска Виктор Малахов, в telegram-канале администрации",
            },
            _image(1),
            _p(
                "Новая насыпь закроет от воды 1 140 домов. Её высота — 6,5 метра: на метр выше, чем поднялся Урал в худший для города год."
            ),
            {"kind": "heading", "text": "Где ещё поднимут берег"},
            _p(
                "Вторую защитную линию поставят у железнодорожного моста. Деньги на неё, 480 млн рублей, Оренбургская область получила из федерального бюджета."
            ),
            _p("Готовность дамбы губернатор Евгений Солнцев проверит в начале февраля."),
        ],
        "rubrics": ["Общество", "Оренбургская область", "Происшествия"],
        "tags": ["Орск", "паводок", "Оренбургская область"],
        "authors": ["Тимур Гареев"],
        "urgency": 5,
    },
    (
        Photo(
            "ural.jpg",
            "river",
            21,
            "Урал у Старого города. Отсюда насыпь поведут к мосту | Фото: администрация Орска / t.me/orsk_today",
            "Река на закате, за ней холмы",
        ),
        Photo(
            "orsk.jpg",
            "town",
            22,
            "Первыми за дамбой окажутся дома у набережной | Фото: администрация Орска / t.me/orsk_today",
            "Дома городской набережной",
        ),
    ),
)

OBSERVATORY = DemoStory(
    {
        "source": {
            "source_id": "api:steppe-science",
            "name": "Steppe Science Desk",
            "kind": "api",
            "url": "https://science.example",
        },
        "external_id": "obs-31",
        "headline": "Steppe reserve counts its largest herd of wild horses yet",
        "lede": "Rangers in the Orenburg Region logged 214 Przewalski’s horses this autumn, four times as many as a decade ago.",
        "body": [
            _p(
                "The autumn count in the Orenburg nature reserve has found 214 Przewalski’s horses, the reserve said on its channel. Ten years ago the steppe held fewer than fifty."
            ),
            {
                "kind": "quote",
                "html": "We stopped counting by name two summers ago. Now the herd counts us: every jeep is met by a lookout on the ridge.",
                "attribution": "Irina Belova, head ranger",
            },
            _image(1),
            _p(
                "Foals born in the wild made up a fifth of the herd. Biologists from Kazakhstan, who are planning a herd of their own, watched the count from the air."
            ),
            {
                "kind": "list",
                "items": [
                    "214 horses, 43 of them born this year",
                    "11 family groups and 2 bachelor herds",
                    "16,500 hectares of fenced steppe",
                ],
            },
        ],
        "rubrics": ["Оренбургская область"],
        "tags": ["экология"],
        "authors": ["Nina Hale"],
        "language": "en",
        "urgency": 6,
    },
    (
        Photo(
            "reserve.jpg",
            "steppe",
            31,
            "The reserve’s southern range in September | Photo: Orenburg nature reserve / https://reserve.example",
            "Dry grassland under a wide sky",
        ),
        Photo(
            "ridge.jpg",
            "river",
            32,
            "The herd waters here at dusk | Photo: Orenburg nature reserve / https://reserve.example",
            "A river at dusk",
        ),
    ),
)

STORIES = (DELEGATION, FLOOD, OBSERVATORY)

CLINICS = ChannelPost(
    channel="solntsev_official",
    title="Евгений Солнцев",
    credit="telegram-канал Евгения Солнцева",
    text="""🚑 Девять новых фельдшерских пунктов откроют в Оренбуржье до конца года

Первый примет пациентов уже в понедельник: в посёлке Караванный закончили отделку и привезли оборудование.

За три года в области построили 46 таких пунктов. Теперь очередь дальних сёл, откуда до районной больницы больше часа пути.

Врач должен быть рядом, а не за сорок километров. Об этом просят на каждой встрече с жителями.

Что будет в каждом пункте:
▪️ кабинет фельдшера и прививочный кабинет
▪️ аптечный киоск
▪️ квартира для специалиста

Адреса и сроки — на сайте министерства здравоохранения Оренбургской области. Открытия губернатор Евгений Солнцев взял под личный контроль.

#Оренбургская_область #здравоохранение

👉 Подписаться""",
    marks=(
        ("🚑", "custom_emoji", {"custom_emoji_id": "5368324170671202286"}),
        ("Девять новых фельдшерских пунктов откроют в Оренбуржье до конца года", "bold", {}),
        ("Врач должен быть рядом, а не за сорок километров. Об этом просят на каждой встрече с жителями.", "blockquote", {}),
        ("Что будет в каждом пункте:", "bold", {}),
        ("на сайте", "text_link", {"url": "https://minzdrav.orenburg-gov.example/fap?year=2026&kind=new"}),
        ("#Оренбургская_область", "hashtag", {}),
        ("#здравоохранение", "hashtag", {}),
        ("Подписаться", "text_link", {"url": "https://t.me/solntsev_official"}),
    ),
    photos=(
        Photo("poselok.jpg", "town", 41, "", ""),
        Photo("doroga.jpg", "steppe", 42, "", ""),
        Photo("priem.jpg", "hall", 43, "", ""),
    ),
)  # fmt: skip
