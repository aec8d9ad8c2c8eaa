"""Drawn pictures in the place of photos: a hill, a river, a bridge, a person, in colours that the number gives."""

import re


def paint(url: str) -> str:
    """An SVG for the address of a rendition, like `…/photo-3-16x9.jpg`."""
    found = re.search(r"photo-(\d+)-(\w+)", url)
    number, name = (int(found[1]), found[2]) if found else (0, "w640")
    width, height = {"16x9": (1280, 720), "1x1": (1280, 1280), "card": (1200, 630)}.get(name, (1200, 900))
    hue = (number * 67 + 205) % 360
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 1200 900" preserveAspectRatio="xMidYMid slice">
  <rect width="1200" height="900" fill="hsl({hue} 55% 82%)"/><circle cx="930" cy="190" r="80" fill="hsl({(hue + 180) % 360} 80% 88%)"/>
  <path d="M0 560 Q300 380 620 540 T1200 470 V900 H0z" fill="hsl({(hue + 140) % 360} 30% 52%)"/>
  <path d="M0 700 Q400 620 700 720 T1200 690 V900 H0z" fill="hsl({hue} 45% 45%)"/>
  <path d="M80 690 Q600 330 1120 690" fill="none" stroke="hsl({hue} 20% 28%)" stroke-width="18"/>
  <path d="M60 690 H1140" stroke="hsl({hue} 20% 24%)" stroke-width="22"/>
  <circle cx="576" cy="270" r="62" fill="hsl(28 50% 66%)"/><path d="M460 520 Q576 300 692 520z" fill="hsl({(hue + 220) % 360} 35% 34%)"/>
</svg>"""
