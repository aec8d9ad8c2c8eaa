// The shell that every page has; the page's own part is loaded beside it.
import "htmx.org";
import { keys, moments, reveal, themes, toasts } from "./shell.js";

themes();
keys();
moments();
toasts();
reveal();

const page = document.body.dataset.page;
if (page === "monitor") import("./monitor.js").then((part) => part.start());
if (page === "ops") import("./ops.js").then((part) => part.start());
if (page === "delivery") import("./delivery.js").then((part) => part.start());
if (page === "story") import("./story.js").then((part) => part.start());
document.documentElement.dataset.ready = "shell";
