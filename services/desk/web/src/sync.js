// What others write into the text while it is open here: shown where nobody types, offered where somebody does, and
// where both have written, both texts are shown and the editor decides.
import { plain, toDocument } from "./blocks.js";
import { words } from "./shell.js";

const get = (id) => document.getElementById(id);

// `fields`: name -> { hasFocus(), show(value) }.
export function makeSync(story, saver, fields) {
  let isAsking = false;
  let isStale = false;
  const ask = async () => {
    if (isAsking) { isStale = true; return; }
    isAsking = true;
    try {
      const answer = await fetch(`/stories/${story.story_id}/document`);
      if (answer.ok) take(await answer.json());
    } catch { /* The stream comes back and asks again. */ }
    isAsking = false;
    if (isStale) { isStale = false; ask(); }
  };
  const take = (now) => {
    Object.assign(story.images, now.images);
    Object.assign(story.captions, now.captions);
    const newer = Object.keys(fields).filter((name) => now.seen[name] > saver.seen[name] && !saver.dirty.has(name) && !saver.isSending);
    const held = newer.filter((name) => fields[name].hasFocus());
    for (const name of newer) if (!held.includes(name)) show(name, now);
    offer(held, now);
  };
  const show = (name, now) => {
    fields[name].show(now.draft[name]);
    saver.seen[name] = now.seen[name];
  };
  const offer = (names, now) => {
    const box = get("meanwhile");
    box.hidden = names.length === 0;
    if (!names.length) return;
    box.querySelector("span").textContent = `${words.changedBy} ${now.edited_by}`;
    box.querySelector("button").onclick = () => { box.hidden = true; ask(document.activeElement?.blur()); };
  };
  for (const name of Object.keys(fields)) fields[name].onLeave(() => { if (!get("meanwhile").hidden) ask(); });
  return ask;
}

export function showConflict(problem, sent, saver) {
  const dialog = get("conflict");
  const who = get("conflict-who");
  who.textContent = `${who.dataset.text} ${problem.by || "—"}`;
  const names = Object.keys(problem.theirs);
  const show = (field, value) => (field === "blocks" ? plain(value) : value);
  const columns = [[words.ours, (name) => saver.dirty.get(name) ?? sent.get(name)], [words.theirs, (name) => problem.theirs[name]]];
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
    saver.resolve(problem.revision, choice === "ours", names);
    if (choice === "theirs") { saver.keep(); location.reload(); }
  };
  dialog.addEventListener("click", decide);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
}

export const textField = (field, grow) => ({
  hasFocus: () => document.activeElement === field,
  show: (value) => { field.value = value; grow(); },
  onLeave: (act) => field.addEventListener("blur", act),
});

export const bodyField = (editor, kit) => ({
  hasFocus: () => editor.isFocused,
  show: (blocks) => editor.commands.setContent(toDocument(blocks, kit), { emitUpdate: false }),
  onLeave: (act) => editor.on("blur", act),
});
