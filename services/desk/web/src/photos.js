// The photo's dialog: what matters in it is shown by a click or by arrow keys, and every crop follows at once.
import { say, words } from "./shell.js";

const get = (id) => document.getElementById(id);

export function photos() {
  const dialog = get("photo");
  document.addEventListener("htmx:after:swap", () => {
    if (dialog.children.length && !dialog.open && !dialog.dataset.shown) { dialog.dataset.shown = "1"; dialog.showModal(); }
    const box = dialog.querySelector("[data-focus]");
    if (box && !box.dataset.drawn) { box.dataset.drawn = "1"; focusBy(box, dialog); }
  });
  dialog.addEventListener("close", () => { dialog.replaceChildren(); delete dialog.dataset.shown; });
  dialog.addEventListener("click", (event) => {
    const crop = event.target.closest("[data-crop]");
    if (crop) import("./crops.js").then((part) => part.openCrop(dialog, crop, say, words, (box) => override(dialog, crop, box)));
    const back = event.target.closest("[data-crop-automatic]");
    if (back) send(back.dataset.cropAutomatic, { name: back.dataset.name }).then((isGood) => isGood && override(dialog, dialog.querySelector(`[data-crop="${back.dataset.name}"]`), null));
  });
}

function focusBy(box, dialog) {
  const photo = JSON.parse(box.dataset.photo);
  const point = { x: photo.focus[0], y: photo.focus[1] };
  let timer;
  const move = (x, y) => {
    point.x = Math.min(1, Math.max(0, x));
    point.y = Math.min(1, Math.max(0, y));
    draw(dialog, photo, point);
    clearTimeout(timer);
    timer = setTimeout(() => send(box.dataset.focus, { x: point.x.toFixed(4), y: point.y.toFixed(4) }), 250);
  };
  box.addEventListener("pointerdown", (event) => {
    const to = (at) => { const frame = box.getBoundingClientRect(); move((at.clientX - frame.left) / frame.width, (at.clientY - frame.top) / frame.height); };
    to(event);
    box.setPointerCapture(event.pointerId);
    box.onpointermove = to;
    box.onpointerup = () => { box.onpointermove = null; };
  });
  box.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (dx === undefined) return;
    event.preventDefault();
    const step = event.shiftKey ? 0.1 : 0.02;
    move(point.x + dx * step, point.y + dy * step);
  });
  draw(dialog, photo, point);
}

function draw(dialog, photo, { x, y }) {
  const dot = dialog.querySelector(".focus-dot");
  dot.style.left = `${x * 100}%`;
  dot.style.top = `${y * 100}%`;
  for (const button of dialog.querySelectorAll("[data-crop]")) {
    const own = button.dataset.box ? JSON.parse(button.dataset.box) : null;
    lay(button, button.dataset.byHand && own ? own : cropBox(photo, Number(button.dataset.ratio), x, y));
  }
}

// The part `[x, y, width, height]` of the photo fills the button.
function lay(button, [x, y, width, height]) {
  const style = button.querySelector("img").style;
  style.width = `${100 / width}%`;
  style.height = `${100 / height}%`;
  style.left = `${(-x / width) * 100}%`;
  style.top = `${(-y / height) * 100}%`;
}

function override(dialog, button, box) {
  button.dataset.box = box ? JSON.stringify(box) : "";
  if (box) button.dataset.byHand = "1";
  else delete button.dataset.byHand;
  button.closest("figure").classList.toggle("by-hand", Boolean(box));
  const focus = dialog.querySelector("[data-focus]");
  const dot = dialog.querySelector(".focus-dot");
  draw(dialog, JSON.parse(focus.dataset.photo), { x: parseFloat(dot.style.left) / 100, y: parseFloat(dot.style.top) / 100 });
}

async function send(url, values) {
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(values) }).catch(() => null);
  if (!answer?.ok) say(words.error, true);
  return Boolean(answer?.ok);
}

// As imaging does it (imaging/domain/crops.py): the largest box of the ratio, the focus inside it and near its middle, most faces whole.
function cropBox({ width, height, faces }, ratio, x, y) {
  if (width / height > ratio) {
    const share = (height * ratio) / width;
    return [slide(share, x, faces.map((face) => [face[0], face[0] + face[2]])), 0, share, 1];
  }
  const share = width / ratio / height;
  return [0, slide(share, y, faces.map((face) => [face[1], face[1] + face[3]])), 1, share];
}

function slide(share, focus, spans) {
  const inside = (start) => Math.min(Math.max(start, 0), 1 - share);
  const centered = inside(focus - share / 2);
  const candidates = [centered, ...spans.flatMap(([low, high]) => [inside(low), inside(high - share)])];
  const keeps = candidates.filter((start) => start - 1e-9 <= focus && focus <= start + share + 1e-9);
  const worth = (start) => spans.filter(([low, high]) => start - 1e-9 <= low && high <= start + share + 1e-9).length - Math.abs(start - centered) / 10;
  return (keeps.length ? keeps : [centered]).reduce((best, start) => (worth(start) > worth(best) ? start : best));
}
