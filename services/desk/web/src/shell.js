// Words, theme, keys, ages and toasts.
export const words = JSON.parse(document.getElementById("words").textContent);
export const json = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");

export function themes() {
  const root = document.documentElement;
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.addEventListener("click", () => {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
    });
  }
}

// On a phone the rows of tabs are wider than the screen: whatever is chosen in one stands where it is seen.
export function reveal() {
  for (const one of document.querySelectorAll(".tabs [aria-current]")) {
    const row = one.parentElement;
    row.scrollLeft = one.offsetLeft - row.offsetLeft - (row.clientWidth - one.offsetWidth) / 2;
  }
}

export const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable=true]") != null;

const plainKeys = new Map();
export const onKey = (key, act) => plainKeys.set(key, act);

// One letter is one act, by its place on the keyboard: it works in the Russian layout too.
export function keys() {
  const help = document.getElementById("help");
  document.querySelector("[data-show-help]")?.addEventListener("click", () => {
    document.getElementById("me").hidePopover();
    help.showModal();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "?" || (event.shiftKey && event.code === "Slash") || (event.shiftKey && event.code === "Digit7" && event.key === "?")) {
      event.preventDefault();
      help?.showModal();
      return;
    }
    if (event.key === "/" || event.code === "Slash") {
      event.preventDefault();
      document.getElementById("search")?.focus();
      return;
    }
    const name = event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : event.key;
    const act = plainKeys.get(name);
    if (act && !event.shiftKey && act(event) !== false) event.preventDefault();
  });
  document.getElementById("search")?.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.blur();
  });
  document.querySelectorAll("[data-filters]").forEach((form) => {
    form.addEventListener("change", () => {
      const filled = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      location.assign(`/?${filled.size ? filled : "view=open"}`);
    });
  });
}

const steps = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
const tellAge = (moment) => {
  const seconds = Math.max(1, Math.round((Date.now() - Date.parse(moment)) / 1000));
  const [size, word] = steps.find(([size]) => seconds >= size);
  return `${Math.floor(seconds / size)} ${words[word]}`;
};

export function drawAges(root = document) {
  for (const time of root.querySelectorAll("time.age")) {
    const age = tellAge(time.dateTime);
    if (time.textContent !== age) time.textContent = age;
  }
}

export function moments() {
  drawAges();
  setInterval(() => document.hidden || drawAges(), 10_000);
}

export function say(text, isAlert = false) {
  const toast = document.createElement("p");
  toast.className = isAlert ? "toast alert" : "toast";
  toast.textContent = text;
  document.getElementById("toasts").replaceChildren(toast);
}

// Dialogs open by a button that names them; those in `filled` open when an answer has filled them.
export function dialogs(filled) {
  const get = (id) => document.getElementById(id);
  document.addEventListener("click", (event) => {
    const name = event.target.closest("[data-dialog]")?.dataset.dialog;
    if (name && !filled.includes(name)) get(name).showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
    if (event.target.matches("dialog")) event.target.close();
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const dialog of filled.map(get)) if (dialog.children.length && !dialog.open && !dialog.dataset.shown) { dialog.dataset.shown = "1"; dialog.showModal(); }
  });
  for (const dialog of filled.map(get)) dialog.addEventListener("close", () => { dialog.replaceChildren(); delete dialog.dataset.shown; });
  document.addEventListener("htmx:after:request", (event) => {
    const element = event.target;
    if (!(event.detail?.ctx?.response?.status < 300)) return;
    if (element.matches?.("dialog form, [data-closes]")) element.closest("dialog")?.close();
    const sheet = element.closest?.("[popover]");
    if (sheet?.matches(":popover-open")) sheet.hidePopover();
    if (element.matches?.("form.add")) element.reset();
  });
}

// The bell's number, when somebody has something to say.
export function refreshBell() {
  htmx.ajax("GET", "/notices/count", { target: "#bell-count", swap: "outerHTML" });
}

export function toasts() {
  const box = document.getElementById("toasts");
  let timer;
  new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(() => box.replaceChildren(), 6000);
  }).observe(box, { childList: true });
  document.addEventListener("htmx:error", () => say(words.error, true));
  // A problem for programs is no piece of a page: it is told, and nothing is drawn over.
  document.addEventListener("htmx:before:response", (event) => {
    const { status, headers } = event.detail.ctx.response;
    if (status < 400 || headers.get("content-type")?.startsWith("text/html") || headers.has("hx-redirect")) return;
    event.preventDefault();
    say(status === 422 ? words.refused : words.error, true);
  });
}

// A stream that loses nothing: every event has an id, and a new connection says which one it saw last.
// A tab that is hidden for long lets go of its connection (browsers allow six a site) and catches up when it is shown.
export function stream({ url, since }, listeners, onState = () => {}) {
  let source, last = since, letGo, retry = 1000, again;
  const note = (event) => { if (event.lastEventId) last = Number(event.lastEventId); };
  const open = () => {
    close();
    source = new EventSource(`${url}${url.includes("?") ? "&" : "?"}since=${last}`);
    source.addEventListener("hello", () => { retry = 1000; onState("live"); });
    source.addEventListener("reload", () => location.reload());
    for (const [name, listener] of Object.entries(listeners)) {
      source.addEventListener(name, (event) => { note(event); listener(JSON.parse(event.data)); });
    }
    source.onerror = () => {
      onState("off");
      close();
      again = setTimeout(open, retry);
      retry = Math.min(retry * 2, 15_000);
    };
  };
  const close = () => { clearTimeout(again); source?.close(); source = undefined; };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(letGo);
    if (document.hidden) letGo = setTimeout(close, 30_000);
    else if (!source) open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
}
