// The story's page: text that saves itself, and a panel that is drawn anew when something happens.
import { Editor } from "@tiptap/core";
import { extensions, plain, toBlocks, toDocument } from "./blocks.js";
import { Saver } from "./saver.js";
import { json, onKey, say, stream, words } from "./shell.js";

const get = (id) => document.getElementById(id);
const HEADLINE_LONGEST = 110;

export function start() {
  const story = json("document");
  const kit = extensions(story.images, story.captions);
  const saver = makeSaver(story, kit);
  const leftover = saver.leftover();
  const draft = { ...story.draft, ...(leftover?.fields ?? {}) };

  const editor = new Editor({
    element: get("body"),
    extensions: kit,
    content: toDocument(draft.blocks, kit),
    editable: story.editable,
    injectCSS: false,
    editorProps: { attributes: { role: "textbox", "aria-multiline": "true", "aria-label": get("body").dataset.label, spellcheck: "true" } },
    onUpdate: ({ editor }) => saver.set("blocks", toBlocks(editor.getJSON(), kit)),
    onTransaction: ({ editor }) => drawMarks(editor),
  });
  for (const name of ["headline", "lede"]) bindField(name, draft[name], saver);
  if (leftover) keepLeftover(leftover, saver);
  toolbar(editor);
  tabs();
  dialogs(editor, saver, story, kit);
  releases(saver);
  photos();
  mentions();
  keyboard(saver);
  presence(story);
  stream(json("stream"), { story: () => refreshPanel() });
  window.deskSaver = saver;
  document.documentElement.dataset.ready = "page";
  if (location.hash === "#publish") { history.replaceState(null, "", location.pathname); get("go")?.focus(); press(saver); }
}

function makeSaver(story, kit) {
  const output = get("save-state");
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return new Saver({
    url: `/stories/${story.story_id}`,
    revision: story.revision,
    key: `draft:${story.story_id}`,
    tell(state, about) {
      output.dataset.state = state;
      output.title = typeof about === "string" ? about : "";
      output.textContent = state === "saved" ? `${words.saved} ${clock.format(about)}` : words[state] ?? "";
      if (state === "saved") refreshPanel();
      if (state === "signedOut") say(words.signedOut, true);
    },
    onConflict: (problem, sent) => showConflict(problem, sent, kit),
  });
}

function bindField(name, value, saver) {
  const field = get(name);
  if (field.value !== value) field.value = value;
  const grow = () => { if (!CSS.supports("field-sizing", "content")) { field.style.height = "auto"; field.style.height = `${field.scrollHeight}px`; } };
  const count = () => {
    if (name !== "headline") return;
    const counter = get("headline-count");
    counter.textContent = field.value.length > HEADLINE_LONGEST - 20 ? `${field.value.length} / ${HEADLINE_LONGEST}` : "";
    counter.classList.toggle("over", field.value.length > HEADLINE_LONGEST);
  };
  field.addEventListener("input", () => { grow(); count(); saver.set(name, field.value); });
  field.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && name === "headline") { event.preventDefault(); get("lede").focus(); } });
  grow();
  count();
}

function keepLeftover(leftover, saver) {
  const box = get("restored");
  box.hidden = false;
  box.textContent = words.restored;
  saver.revision = leftover.revision;
  for (const [field, value] of Object.entries(leftover.fields)) saver.set(field, value);
}

let refreshTimer;
function refreshPanel() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => {
    const panel = get("panel");
    // A field that somebody types in is not drawn over; the panel follows when it is left.
    if (panel.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]), textarea, select") && document.activeElement.value) {
      document.activeElement.addEventListener("blur", refreshPanel, { once: true });
      return;
    }
    htmx.trigger(panel, "refresh");
  }, 120);
}

function toolbar(editor) {
  const acts = {
    bold: () => editor.chain().focus().toggleBold().run(),
    italic: () => editor.chain().focus().toggleItalic().run(),
    heading: () => editor.chain().focus().toggleHeading({ level: 2 }).run(),
    quote: () => editor.chain().focus().toggleBlockquote().run(),
    list: () => editor.chain().focus().toggleBulletList().run(),
    link: () => {
      const href = prompt(words.link, editor.getAttributes("link").href ?? "https://");
      if (href === null) return;
      if (href === "") editor.chain().focus().unsetLink().run();
      else editor.chain().focus().extendMarkRange("link").setLink({ href }).run();
    },
  };
  for (const button of get("toolbar").querySelectorAll("button")) button.addEventListener("click", acts[button.dataset.mark]);
}

const markNames = { bold: "bold", italic: "italic", link: "link", heading: "heading", quote: "blockquote", list: "bulletList" };
function drawMarks(editor) {
  for (const button of get("toolbar").querySelectorAll("button")) button.setAttribute("aria-pressed", String(editor.isActive(markNames[button.dataset.mark])));
}

function tabs() {
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-tab]");
    if (!tab) return;
    event.preventDefault();
    const name = tab.dataset.tab;
    const own = document.querySelector(`.paper-bar [data-tab="${name}"]`);
    if (own !== tab) { own.click(); return; }
    for (const other of document.querySelectorAll(".paper-bar [data-tab]")) other.removeAttribute("aria-current");
    own.setAttribute("aria-current", "page");
    get("text-view").hidden = name !== "text";
    get("aside-view").hidden = name === "text";
    scrollTo({ top: 0 });
  });
  document.addEventListener("click", (event) => {
    const width = event.target.closest("[data-width]")?.dataset.width;
    if (!width) return;
    for (const button of document.querySelectorAll("[data-width]")) button.setAttribute("aria-pressed", String(button.dataset.width === width));
    get("preview-frame").hidden = width === "cards";
    get("preview-cards").hidden = width !== "cards";
    get("preview-frame").classList.toggle("phone", width === "phone");
  });
}

function dialogs() {
  document.addEventListener("click", (event) => {
    const name = event.target.closest("[data-dialog]")?.dataset.dialog;
    if (name) get(name).showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
    if (event.target.matches("dialog")) event.target.close();
  });
  document.addEventListener("htmx:after:request", (event) => {
    const element = event.target;
    const isGood = event.detail?.ctx?.response?.status < 300;
    if (isGood && (element.matches?.("dialog form, [data-closes]"))) element.closest("dialog")?.close();
    const sheet = element.closest?.("[popover]");
    if (isGood && sheet?.matches(":popover-open")) sheet.hidePopover();
    if (isGood && element.matches?.("form.add")) element.reset();
  });
}

// Nothing is released before the text is saved.
function releases(saver) {
  document.addEventListener("htmx:confirm", (event) => {
    const form = event.target.closest?.("[data-release]");
    if (!form || form.dataset.flushed) return;
    event.preventDefault();
    saver.flush().then((isSaved) => {
      if (isSaved) event.detail.issueRequest();
      else { event.detail.dropRequest?.(); say(words.failed, true); }
    });
  });
}

async function press(saver) {
  if (!(await saver.flush())) return say(words.failed, true);
  const button = get("go");
  if (button && !button.disabled) button.click();
}

function keyboard(saver) {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey)) return;
    if (event.key === "Enter") { event.preventDefault(); press(saver); }
    if (event.code === "KeyS") { event.preventDefault(); saver.flush(); }
  });
  onKey("p", () => press(saver));
  onKey("a", () => document.querySelector("[data-suggested]")?.click());
  onKey("d", () => document.querySelector("[data-suggested]")?.remove());
  onKey("Escape", () => location.assign("/"));
  onKey("e", () => get("headline").focus());
  for (const field of document.querySelectorAll("#headline, #lede, #body")) {
    field.addEventListener("keydown", (event) => { if (event.key === "Escape") document.activeElement.blur(); });
  }
}

function photos() {
  document.addEventListener("htmx:after:swap", () => {
    const dialog = get("photo");
    if (dialog.children.length && !dialog.open && !dialog.dataset.shown) { dialog.dataset.shown = "1"; dialog.showModal(); }
    const dot = dialog.querySelector(".focus-dot");
    if (dot && !dot.dataset.drawn) { dot.dataset.drawn = "1"; drawFocus(dialog, Number(dot.dataset.x), Number(dot.dataset.y)); }
  });
  get("photo").addEventListener("close", (event) => { event.target.replaceChildren(); delete event.target.dataset.shown; });
  get("photo").addEventListener("click", (event) => {
    const crop = event.target.closest("[data-crop]");
    if (crop) import("./crops.js").then((part) => part.openCrop(get("photo"), crop, say, words));
    const box = event.target.closest("[data-focus]");
    if (!box) return;
    const frame = box.getBoundingClientRect();
    const x = Math.min(1, Math.max(0, (event.clientX - frame.left) / frame.width));
    const y = Math.min(1, Math.max(0, (event.clientY - frame.top) / frame.height));
    drawFocus(get("photo"), x, y);
    fetch(box.dataset.focus, { method: "POST", body: new URLSearchParams({ x: x.toFixed(4), y: y.toFixed(4) }) }).then((answer) => { if (!answer.ok) say(words.error, true); });
  });
}

function drawFocus(dialog, x, y) {
  const dot = dialog.querySelector(".focus-dot");
  dot.style.left = `${x * 100}%`;
  dot.style.top = `${y * 100}%`;
  for (const picture of dialog.querySelectorAll(".crop img")) picture.style.objectPosition = `${x * 100}% ${y * 100}%`;
}

// A tag under the pointer, or in focus, shows the words that speak of it.
function mentions() {
  if (!CSS.highlights) return;
  const show = (event) => {
    const chip = event.target.closest?.("[data-mention]");
    CSS.highlights.delete("mention");
    if (!chip) return;
    const wanted = JSON.parse(chip.dataset.mention).map((text) => text.toLowerCase());
    const ranges = [];
    const walker = document.createTreeWalker(get("body"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.data.toLowerCase();
      for (const word of wanted) {
        for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
          const range = new Range();
          range.setStart(node, at);
          range.setEnd(node, at + word.length);
          ranges.push(range);
        }
      }
    }
    CSS.highlights.set("mention", new Highlight(...ranges));
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("focusin", show);
}

function presence({ story_id }) {
  const tell = (isLeaving) => htmx.ajax("POST", `/stories/${story_id}/presence`, { target: "#presence", swap: "outerHTML", values: isLeaving ? { leaving: "true" } : {} });
  setInterval(() => document.hidden || tell(false), 15_000);
  addEventListener("pagehide", () => navigator.sendBeacon(`/stories/${story_id}/presence`, new URLSearchParams({ leaving: "true" })));
}

function showConflict(problem, sent, kit) {
  const dialog = get("conflict");
  const who = get("conflict-who");
  who.textContent = `${who.dataset.text} ${problem.by || "—"}`;
  const names = Object.keys(problem.theirs);
  const show = (field, value) => (field === "blocks" ? plain(value) : value);
  const columns = [[words.ours, (name) => sent.get(name)], [words.theirs, (name) => problem.theirs[name]]];
  get("conflict-columns").replaceChildren(...columns.map(([title, pick]) => {
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.textContent = title;
    section.append(heading, names.map((name) => show(name, pick(name))).join("\n\n"));
    return section;
  }));
  const decide = (event) => {
    const choice = event.target.closest("[data-conflict]")?.dataset.conflict;
    if (!choice) return;
    dialog.removeEventListener("click", decide);
    dialog.close();
    const saver = window.deskSaver;
    saver.resolve(problem.revision, choice === "ours", names);
    if (choice === "theirs") { saver.keep(); location.reload(); }
  };
  dialog.addEventListener("click", decide);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
}
