// The story's page: text that saves itself, and a panel that is drawn anew when something happens.
import { Editor } from "@tiptap/core";
import { extensions, toBlocks, toDocument } from "./blocks.js";
import { photos } from "./photos.js";
import { Saver } from "./saver.js";
import { dialogs, json, onKey, refreshBell, reveal, say, stream, words } from "./shell.js";
import { bodyField, makeSync, showConflict, textField } from "./sync.js";

const get = (id) => document.getElementById(id);
const HEADLINE_LONGEST = 110;

export function start() {
  const story = json("document");
  const kit = extensions(story.images, story.captions);
  const saver = makeSaver(story);
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
  const grow = Object.fromEntries(["headline", "lede"].map((name) => [name, bindField(name, draft[name], saver)]));
  if (leftover) keepLeftover(leftover, saver);
  toolbar(editor);
  tabs();
  dialogs(["kill", "attempts"]);
  notes();
  releases(saver);
  photos();
  mentions();
  keyboard(saver);
  presence(story);
  const sync = makeSync(story, saver, {
    headline: textField(get("headline"), grow.headline),
    lede: textField(get("lede"), grow.lede),
    blocks: bodyField(editor, kit),
  });
  stream(json("stream"), { story: ({ what }) => {
      if (what.includes("presence")) tellPresence(story);
      if (what.some((one) => one !== "presence")) refreshPanel();
      if (what.some((one) => one === "text" || one === "source")) sync();
    }, notices: refreshBell });
  document.documentElement.dataset.ready = "page";
  if (location.hash === "#publish") { history.replaceState(null, "", location.pathname); get("go")?.focus(); press(saver); }
}

function makeSaver(story) {
  const output = get("save-state");
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const saver = new Saver({
    url: `/stories/${story.story_id}`,
    seen: story.seen,
    key: `draft:${story.story_id}`,
    tell(state, about) {
      output.dataset.state = state;
      output.title = typeof about === "string" ? about : "";
      output.textContent = state === "saved" ? `${words.saved} ${clock.format(about)}` : words[state] ?? "";
      if (state === "saved") refreshPanel();
      if (state === "signedOut") say(words.signedOut, true);
    },
    onConflict: (problem, sent) => showConflict(problem, sent, saver),
  });
  return saver;
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
  return () => { grow(); count(); };
}

function keepLeftover(leftover, saver) {
  const box = get("restored");
  box.hidden = false;
  box.textContent = words.restored;
  Object.assign(saver.seen, Object.fromEntries(Object.keys(leftover.fields).map((field) => [field, leftover.seen?.[field] ?? 0])));
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

const isWide = matchMedia("(min-width: 1180px)");

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
    reveal();
    const isBeside = name === "source" || name === "notes";
    get("paper").classList.toggle("beside", isBeside);
    get("text-view").hidden = name !== "text" && !(isBeside && isWide.matches);
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

function notes() {
  document.addEventListener("change", (event) => {
    const name = event.target.matches("[data-mention-person]") && event.target.value;
    if (!name) return;
    const field = event.target.form.elements.text;
    field.setRangeText(`@${name} `, field.selectionStart, field.selectionEnd, "end");
    event.target.value = "";
    field.focus();
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
  if (!button) return say(words.notNow, true);
  if (!button.disabled) return button.click();
  say(words.blocked, true);
  document.querySelector(".checks .block button, .checks")?.scrollIntoView({ block: "nearest" });
  document.querySelector(".checks .block button")?.focus();
}

function keyboard(saver) {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey)) return;
    if (event.key === "Enter" && event.target.matches?.("[data-submits]")) { event.preventDefault(); event.target.form.requestSubmit(); return; }
    if (event.key === "Enter" && !document.querySelector("dialog[open]")) { event.preventDefault(); press(saver); }
    if (event.code === "KeyS") { event.preventDefault(); saver.flush(); }
  });
  onKey("p", () => press(saver));
  onKey("a", () => document.querySelector("[data-suggested]")?.click());
  onKey("d", () => document.querySelector("[data-dismiss]")?.click());
  onKey("Escape", () => location.assign("/"));
  onKey("e", () => get("headline").focus());
  for (const field of document.querySelectorAll("#headline, #lede, #body")) {
    field.addEventListener("keydown", (event) => { if (event.key === "Escape") document.activeElement.blur(); });
  }
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

const tellPresence = ({ story_id }) => htmx.ajax("POST", `/stories/${story_id}/presence`, { target: "#presence", swap: "outerHTML" });

function presence(story) {
  const { story_id } = story;
  setInterval(() => document.hidden || tellPresence(story), 15_000);
  addEventListener("pagehide", () => navigator.sendBeacon(`/stories/${story_id}/presence`, new URLSearchParams({ leaving: "true" })));
}
