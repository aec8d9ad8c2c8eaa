// The ops page: what the server draws every two seconds is laid over what stands there, so that focus and motion stay.
import { json, say, stream, words } from "./shell.js";

function lay(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) return from.replaceWith(to);
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) return;
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  const old = [...from.childNodes];
  const fresh = [...to.childNodes];
  fresh.forEach((one, place) => (old[place] ? lay(old[place], one) : from.append(one)));
  for (const one of old.slice(fresh.length)) one.remove();
}

export function start() {
  const live = document.getElementById("live");
  const pulse = document.getElementById("pulse");
  const show = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = live.cloneNode(false);
    fresh.append(template.content);
    lay(live, fresh);
  };
  stream(json("stream"), { river: ({ html }) => show(html) }, (state) => {
    pulse.dataset.state = state;
    pulse.title = state === "live" ? words.live : words.offline;
  });
  live.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => undefined);
    if (answer?.type !== "opaqueredirect") say(words.error, true);
  });
  document.documentElement.dataset.ready = "page";
}
