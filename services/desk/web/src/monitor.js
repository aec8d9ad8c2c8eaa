// The monitor: rows that come, move and go while an editor works in them.
import { drawAges, json, onKey, refreshBell, stream, words } from "./shell.js";

const byId = (id) => document.getElementById(`s-${id}`);
const list = () => document.querySelector("[data-rows]");
const all = () => [...document.querySelectorAll(".row")];
const marked = new Set();
let at = null;
const waiting = new Map();

export function start() {
  const settings = json("stream");
  const pulse = document.getElementById("pulse");
  stream(settings, { rows: take, notices: refreshBell }, (state) => { pulse.dataset.state = state; });
  document.getElementById("fresh").addEventListener("click", () => { flush(); scrollTo({ top: 0 }); });
  addEventListener("scroll", () => { if (scrollY < 80) flush(); }, { passive: true });

  onKey("j", () => move(1));
  onKey("k", () => move(-1));
  onKey("ArrowDown", () => (at ? move(1) : false));
  onKey("ArrowUp", () => (at ? move(-1) : false));
  onKey("Enter", () => (at ? byId(at)?.querySelector(".headline").click() : false));
  onKey("x", () => at && mark(at));
  onKey("p", () => { if (at) location.assign(`/stories/${at}#publish`); });
  onKey("Escape", clear);
  document.querySelector("[data-batch-clear]").addEventListener("click", clear);
  document.addEventListener("htmx:after:swap", () => {
    if (document.querySelector("[data-batch-done]")) clear();
    drawAges();
  });
  carry();
  const kept = sessionStorage.getItem("at");
  if (kept && byId(kept)) put(kept, false);
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) sessionStorage.setItem("at", row.dataset.id);
  });
  let timer;
  document.addEventListener("rows-changed", () => {
    clearTimeout(timer);
    timer = setTimeout(() => htmx.ajax("GET", settings.counts, { target: "#tabs", swap: "outerHTML" }), 1500);
  });
  document.documentElement.dataset.ready = "page";
}

function take({ rows, gone }) {
  for (const id of gone) { waiting.delete(id); drop(id); }
  for (const row of rows) {
    if (byId(row.id) || scrollY < 80 || !list()) place(row);
    else waiting.set(row.id, row);
  }
  tellWaiting();
  document.getElementById("empty").hidden = all().length > 0;
  document.dispatchEvent(new Event("rows-changed"));
}

function draw(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  return box.content.querySelector(".row");
}

// Rows keep their place in time: the newest first.
function place({ id, at: moment, html }) {
  const row = draw(html);
  drawAges({ querySelectorAll: () => row.querySelectorAll("time.age") });
  if (id === at) row.classList.add("at");
  if (marked.has(id)) row.classList.add("marked");
  const old = byId(id);
  const column = list() ?? columnOf(row);
  if (old && old.parentElement === column) { old.replaceWith(row); return; }
  old?.remove();
  if (!column) return;
  row.classList.add("new");
  const next = [...column.querySelectorAll(":scope > .row")].find((other) => isOlder(other.dataset.at, moment));
  const more = column.querySelector(":scope > .more");
  if (!next && more) return;
  column.insertBefore(row, next ?? null);
}

const instant = (cursor) => Date.parse(cursor.split("~")[0]);
const isOlder = (one, other) => instant(one) < instant(other) || (instant(one) === instant(other) && one < other);
const columnOf = (row) => [...document.querySelectorAll(".column")].find((one) => one.dataset.states.split(" ").includes(row.dataset.state))?.querySelector("[data-column]");

function drop(id) {
  byId(id)?.remove();
  marked.delete(id);
}

function flush() {
  for (const row of waiting.values()) place(row);
  waiting.clear();
  tellWaiting();
}

function tellWaiting() {
  const button = document.getElementById("fresh");
  button.hidden = waiting.size === 0;
  button.textContent = `${words.newStories}: ${waiting.size}`;
}

function move(by) {
  const rows = all();
  if (!rows.length) return;
  const here = rows.findIndex((row) => row.dataset.id === at);
  put(rows[Math.min(rows.length - 1, Math.max(0, here + (here < 0 && by < 0 ? 0 : by)))].dataset.id, true);
}

function put(id, isScrolled) {
  if (at) byId(at)?.classList.remove("at");
  at = id;
  sessionStorage.setItem("at", id);
  const row = byId(id);
  row.classList.add("at");
  row.querySelector(".headline").focus({ preventScroll: true });
  if (isScrolled) row.scrollIntoView({ block: "nearest" });
}

function mark(id) {
  if (!marked.delete(id)) marked.add(id);
  byId(id)?.classList.toggle("marked", marked.has(id));
  tellMarked();
}

function clear() {
  for (const id of marked) byId(id)?.classList.remove("marked");
  marked.clear();
  tellMarked();
}

function tellMarked() {
  const form = document.getElementById("batch");
  form.hidden = marked.size === 0;
  form.querySelector("output").textContent = `${marked.size} ${words.selected}`;
  form.elements.ids.value = [...marked].join(",");
}

// On the board a card is carried to the column of its next step.
const stepInto = (from, to) => {
  if (to.includes("in_work")) return { received: "take", ready: "back", spiked: "unspike" }[from];
  if (to.includes("ready")) return { received: "ready", in_work: "ready" }[from];
  return to.includes("spiked") && ["received", "in_work", "ready"].includes(from) ? "spike" : undefined;
};

function carry() {
  const board = document.getElementById("board");
  if (!board) return;
  let carried = null;
  board.addEventListener("dragstart", (event) => {
    carried = event.target.closest?.(".row");
    event.dataTransfer.effectAllowed = "move";
  });
  const goal = (event) => {
    const column = event.target.closest(".column");
    const step = carried && column && stepInto(carried.dataset.state, column.dataset.states.split(" "));
    return step ? { column, step } : null;
  };
  board.addEventListener("dragover", (event) => {
    for (const one of board.querySelectorAll(".column.over")) one.classList.remove("over");
    const there = goal(event);
    if (!there) return;
    event.preventDefault();
    there.column.classList.add("over");
  });
  board.addEventListener("dragend", () => { carried = null; for (const one of board.querySelectorAll(".column.over")) one.classList.remove("over"); });
  board.addEventListener("drop", (event) => {
    const there = goal(event);
    if (!there) return;
    event.preventDefault();
    htmx.ajax("POST", "/batch", { target: "#toasts", swap: "innerHTML", values: { step: there.step, ids: carried.dataset.id } });
  });
}
