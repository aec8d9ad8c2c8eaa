// The delivery board: drawn anew, at most twice a second, when anything happens.
import { dialogs, json, refreshBell, stream } from "./shell.js";

export function start() {
  const pulse = document.getElementById("pulse");
  let timer;
  const refresh = () => {
    clearTimeout(timer);
    timer = setTimeout(() => htmx.ajax("GET", "/delivery/board", { target: "#board-view", swap: "outerMorph" }), 500);
  };
  stream(json("stream"), { rows: refresh, notices: refreshBell }, (state) => { pulse.dataset.state = state; });
  dialogs(["attempts"]);
  document.documentElement.dataset.ready = "page";
}
